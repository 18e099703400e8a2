"""What another user could plant in a data folder, and that it is refused before anything is done.

The "other user" is a chown to a user that isn't ours, so those tests need root.
"""

import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from inbound.cli.up import make_folder, make_keys
from inbound.errors import SetupError
from inbound.local.child_logs import bound_log
from inbound.local.samples import write_samples
from inbound.private_files import (
    check_folder,
    open_file,
    prepare_folder,
    prepare_subfolder,
    read_secret,
    write_file,
)
from inbound.service_file import SERVICE_FILE, read_service_file, write_service_file
from inbound.settings import Settings

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = pwd.getpwnam("nobody")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    prepare_folder(folder)
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of ours outside the data folder."""
    file = tmp_path / "precious"
    file.write_text("precious")
    return file


@pytest.fixture
def shared_group(monkeypatch: pytest.MonkeyPatch) -> None:
    members = SimpleNamespace(gr_mem=["somebody"])
    monkeypatch.setattr(grp, "getgrgid", lambda _: members)


# -- folders -------------------------------------------------------------------------------------


def test_new_folders_and_files_are_private_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        data = tmp_path / "above" / "data"
        make_folder(data)
        make_keys(data, Settings())
        write_service_file(data, {"sender": "X"})
        write_samples(data / "sample-clients.csv")
    finally:
        os.umask(before)
    assert {mode_of(data), mode_of(data / "keys")} == {0o700}
    files = [path for path in data.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert {mode_of(file) for file in files} == {0o600}
    assert read_service_file(data) == {"sender": "X"}


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o707])
def test_folder_that_everyone_may_change_is_refused(data: Path, mode: int) -> None:
    data.chmod(mode)
    for use in (prepare_folder, check_folder, read_service_file, make_folder):
        with pytest.raises(SetupError, match=rf"{data} may be changed .* chmod 700 {data}"):
            use(data)


def test_group_without_other_members_may_write(data: Path) -> None:
    data.chmod(0o770)
    prepare_folder(data)


@as_root
def test_a_folder_of_roots_may_be_above_ours_if_our_group_alone_may_write_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes gives a volume to the group of a pod."""
    volume = tmp_path / "volume"
    volume.mkdir()
    os.chown(volume, 0, NOBODY.pw_gid)
    volume.chmod(0o2775)
    tmp_path.chmod(0o755)
    members = SimpleNamespace(gr_mem=[])
    monkeypatch.setattr(grp, "getgrgid", lambda _: members)
    monkeypatch.setattr(pwd, "getpwall", lambda: [NOBODY])
    with pytest.raises(SetupError, match="may be replaced by other users"):
        prepare_folder(volume / "tables")
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    with pytest.raises(SetupError, match="belongs to root"):  # made by this test, which is root
        prepare_folder(volume / "tables")


@pytest.mark.usefixtures("shared_group")
def test_group_with_other_members_may_not(data: Path) -> None:
    data.chmod(0o770)
    with pytest.raises(SetupError, match="may be changed by other users"):
        prepare_folder(data)
    data.chmod(0o750)
    prepare_folder(data)


def test_folder_that_others_could_replace_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    data = tmp_path / "data"
    with pytest.raises(SetupError, match=rf"{data} may be replaced .* because {tmp_path} is"):
        prepare_folder(data)
    assert not data.exists()
    tmp_path.chmod(0o1777)
    prepare_folder(data)


@as_root
def test_folder_of_another_user_is_refused(data: Path) -> None:
    os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    for use in (prepare_folder, check_folder, read_service_file):
        with pytest.raises(SetupError, match=f"{data} belongs to nobody, and this is root"):
            use(data)


@as_root
def test_folder_in_the_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    os.chown(checkout, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(SetupError, match=rf"because {checkout} is not yours alone \(nobody"):
        prepare_folder(checkout / ".scserv")


@as_root
def test_link_of_another_user_is_refused_and_ones_own_is_followed(
    tmp_path: Path, data: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(data)
    prepare_folder(link)
    os.lchown(link, NOBODY.pw_uid, NOBODY.pw_gid)
    for use in (prepare_folder, check_folder):
        with pytest.raises(SetupError, match=f"{link} is another user's symbolic link"):
            use(link)
    with pytest.raises(SetupError, match=f"{link} is another user's symbolic link"):
        prepare_folder(link / "below")


@as_root
@pytest.mark.parametrize("name", ["keys", "logs", "kafka"])
def test_subfolder_of_another_user_is_refused(data: Path, name: str) -> None:
    planted = data / name
    planted.mkdir()
    os.chown(planted, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(SetupError, match=f"{planted} belongs to nobody"):
        prepare_subfolder(planted)


def test_subfolder_that_is_a_link_is_refused(data: Path, tmp_path: Path) -> None:
    (data / "keys").symlink_to(tmp_path)
    with pytest.raises(SetupError, match=f"--data-dir {data / 'keys'} is not a folder but a link"):
        make_folder(data)


def test_subfolder_with_a_planted_link_is_refused(data: Path, precious: Path) -> None:
    logs = data / "logs"
    prepare_subfolder(logs)
    (logs / "broker.log").symlink_to(precious)
    with pytest.raises(SetupError, match=f"{logs / 'broker.log'} is a symbolic link: remove it"):
        prepare_subfolder(logs)


def test_readable_subfolder_of_an_older_release_becomes_private(data: Path) -> None:
    logs = data / "logs"
    logs.mkdir(mode=0o755)
    prepare_subfolder(logs)
    assert mode_of(logs) == 0o700
    logs.chmod(0o777)
    with pytest.raises(SetupError, match="may be changed by other users"):
        prepare_subfolder(logs)


def test_file_system_without_modes_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    (data / "logs").mkdir(mode=0o755)
    with pytest.raises(SetupError, match="its file system keeps no modes"):
        prepare_subfolder(data / "logs")


# -- files ---------------------------------------------------------------------------------------


def append(path: Path) -> None:
    with open_file(path, "ab") as file:
        file.write(b"!")


def empty(path: Path) -> None:
    open_file(path, "wb").close()


def bound(path: Path) -> None:
    bound_log(path, 0)


Use = Callable[[Path], object]


@pytest.mark.parametrize("use", [append, empty, read_secret])
def test_no_link_is_followed(use: Use, data: Path, precious: Path) -> None:
    link = data / "gateway.log"
    link.symlink_to(precious)
    with pytest.raises(SetupError, match=f"{link} is a symbolic link: remove it"):
        use(link)
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("use", [append, empty])
def test_hard_link_and_named_pipe_are_refused(use: Use, data: Path, precious: Path) -> None:
    os.link(precious, data / "second")
    with pytest.raises(SetupError, match="has a second name"):
        use(data / "second")
    os.mkfifo(data / "pipe")
    with pytest.raises((SetupError, OSError), match=r"not a regular file|No such device"):
        use(data / "pipe")
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("write", [write_samples, lambda path: write_file(path, "x")])
def test_replacing_a_file_follows_no_link(write: Use, data: Path, precious: Path) -> None:
    for name in ("sample-clients.csv", "sample-clients.csv.new"):
        (data / name).symlink_to(precious)
    write(data / "sample-clients.csv")
    assert not (data / "sample-clients.csv").is_symlink()
    assert precious.read_text() == "precious"


def test_shortening_a_log_follows_no_link(data: Path, precious: Path) -> None:
    log = data / "gateway.log"
    log.write_text("long")
    (data / "gateway.log.1").symlink_to(precious)
    with pytest.raises(SetupError, match=r"gateway\.log\.1 is a symbolic link"):
        bound(log)
    log.unlink()
    log.symlink_to(precious)
    with pytest.raises(SetupError, match=r"gateway\.log is a symbolic link"):
        bound(log)
    assert precious.read_text() == "precious"


@as_root
@pytest.mark.parametrize("use", [append, empty, read_secret])
def test_file_of_another_user_is_refused(use: Use, data: Path) -> None:
    planted = data / "gateway.log"
    planted.write_text("planted")
    planted.chmod(0o600)
    os.chown(planted, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(SetupError, match=f"{planted} belongs to nobody"):
        use(planted)
    assert planted.read_text() == "planted"


def test_file_that_others_may_change_is_refused_and_a_readable_log_becomes_private(
    data: Path,
) -> None:
    log = data / "gateway.log"
    log.touch()
    log.chmod(0o666)
    with pytest.raises(SetupError, match=f"{log} may be changed by other users"):
        append(log)
    log.chmod(0o644)
    append(log)
    assert mode_of(log) == 0o600


def test_secret_that_others_may_have_read_is_refused(data: Path) -> None:
    make_folder(data)
    keys = make_keys(data, Settings())
    assert make_keys(data, Settings()) == keys
    (data / "keys" / "vault_key").chmod(0o644)
    with pytest.raises(SetupError, match=r"vault_key may be read by other users: chmod 600"):
        make_keys(data, Settings())
    write_service_file(data, {})
    (data / SERVICE_FILE).chmod(0o640)
    with pytest.raises(SetupError, match=r"service\.json may be read by other users"):
        read_service_file(data)
