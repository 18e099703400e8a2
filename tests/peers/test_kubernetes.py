"""deploy/kubernetes: rendered by kustomize, held against Kubernetes' and KEDA's own schemas.

No cluster is needed, so what only a cluster can say (admission, scheduling, the effect of network
policies) is not tested here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from inbound.settings import PREFIX, load_settings, setting_variables
from schemas.topics import PARTITIONS, TOPICS
from streams.groups import WORKER_GROUP
from tests.compose_file import ONE_SHOT, ROLES, ROOT, SERVICES, seconds
from tests.patience import PATIENCE_S
from tests.peers.conftest import CACHE

KUBERNETES = ROOT / "deploy" / "kubernetes"
# unhealthyPodEvictionPolicy and more are older than the first.
VERSIONS = ("1.31", "1.37")
MEMORY = {"512m": "512Mi"}

Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """Return the resources of a folder, as `kubectl apply -k` would send them."""
    kubectl = shutil.which("kubectl")
    kustomize = shutil.which("kustomize") or CACHE / "bin" / "kustomize"
    command = [kubectl, "kustomize"] if kubectl else [str(kustomize), "build"]
    done = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "kustomize warns"
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    return render(KUBERNETES / "example")


@pytest.fixture(scope="module")
def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the template of each pod by the name of what makes it."""
    makers = {"Deployment", "StatefulSet", "Job"}
    return {m["metadata"]["name"]: m["spec"]["template"] for m in manifests if m["kind"] in makers}


def container(pod: Manifest) -> Manifest:
    [only] = pod["spec"]["containers"]
    return dict(only)


def values(pod: Manifest) -> dict[str, str]:
    """Return the variables of a pod; one that the cluster fills in is `...`."""
    return {one["name"]: one.get("value", "...") for one in container(pod).get("env", [])}


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


# -- schemas ------------------------------------------------------------------------------


def validate(manifests: list[Manifest], version: str, folder: Path) -> tuple[int, str]:
    """Let kubernetes-validate look for wrong and unknown fields; return its status and words."""
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    done = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(file)],
        env={**os.environ, "PYTHONPATH": str(CACHE / "python")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(
    version: str, manifests: list[Manifest], tmp_path: Path
) -> None:
    ours = [m for m in manifests if m["kind"] != "ScaledObject"]
    status, said = validate(ours, version, tmp_path)
    assert status == 0, said
    assert "WARN" not in said, said
    assert said.count("passed for resource") == len(ours)


def test_a_misspelt_field_is_found(manifests: list[Manifest], tmp_path: Path) -> None:
    broken = of_kind(manifests, "Deployment")["worker"]
    broken["spec"]["template"]["spec"]["securityContext"]["runAsNonRoots"] = True
    status, said = validate([broken], VERSIONS[0], tmp_path)
    assert status == 1
    assert "runAsNonRoots" in said


def test_keda_knows_every_field(manifests: list[Manifest]) -> None:
    crd = yaml.safe_load((CACHE / "keda" / "scaledobjects.yaml").read_text("utf-8"))
    [version] = [v for v in crd["spec"]["versions"] if v["served"]]
    [scaled] = of_kind(manifests, "ScaledObject").values()
    assert scaled["apiVersion"] == f"{crd['spec']['group']}/{version['name']}"
    schema = version["schema"]["openAPIV3Schema"]
    jsonschema.Draft202012Validator(closed(schema)).validate(scaled)


def closed(schema: Any) -> Any:
    """Refuse fields that a schema doesn't name; Kubernetes would drop them without a word."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: closed(value) for name, value in schema.items()}
    if "properties" in copy and copy.get("type") == "object" and copy["properties"].get("spec"):
        copy["properties"]["metadata"] = {}
    if isinstance(copy.get("properties"), dict) and copy.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


# -- in step with docker-compose.yml -------------------------------------------------------


def test_the_same_processes_run(pods: dict[str, Manifest]) -> None:
    assert set(pods) == {*ROLES, *ONE_SHOT}
    for name, pod in pods.items():
        assert container(pod)["args"] == SERVICES[name]["command"]


@pytest.mark.parametrize("name", [*ROLES, *ONE_SHOT])
def test_the_same_variables_are_set(
    name: str, pods: dict[str, Manifest], manifests: list[Manifest]
) -> None:
    [settings] = of_kind(manifests, "ConfigMap").values()
    here = values(pods[name]).keys() | settings["data"].keys()
    there = SERVICES[name]["environment"].keys()
    assert there <= here
    # What an installation decides is in .env there.
    assert values(pods[name]).keys() - there <= {"SCSERV_SMPP__BIND"}


@pytest.mark.parametrize("name", [*ROLES, *ONE_SHOT])
def test_each_gets_the_same_secrets_and_no_others(name: str, pods: dict[str, Manifest]) -> None:
    pod = pods[name]
    files = {value for key, value in values(pod).items() if key.endswith("_FILE")}
    assert {Path(file).name for file in files} == set(SERVICES[name].get("secrets", []))
    mounts = {m["name"]: m for m in container(pod)["volumeMounts"]}
    secret = {v["name"] for v in pod["spec"]["volumes"] if "secret" in v}
    assert all(mounts[volume]["readOnly"] for volume in secret)
    folders = {mounts[volume]["mountPath"] for volume in secret}
    assert {str(Path(file).parent) for file in files} == folders


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_same_limits(role: str, pods: dict[str, Manifest]) -> None:
    there = SERVICES[role]
    spec = pods[role]["spec"]
    assert spec["terminationGracePeriodSeconds"] == seconds(there["stop_grace_period"])
    memory = there["deploy"]["resources"]["limits"]["memory"]
    assert container(pods[role])["resources"]["limits"]["memory"] == MEMORY[memory]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_restarted_by_live_and_takes_part_by_ready(
    role: str, pods: dict[str, Manifest]
) -> None:
    ours = container(pods[role])
    *_, code = SERVICES[role]["healthcheck"]["test"]
    assert "/health/ready" in code
    for probe, path in (("readiness", "ready"), ("liveness", "live"), ("startup", "live")):
        assert ours[f"{probe}Probe"]["httpGet"] == {"path": f"/health/{path}", "port": "health"}
    [port] = [p["containerPort"] for p in ours["ports"] if p["name"] == "health"]
    assert str(port) == values(pods[role])["SCSERV_HEALTH_PORT"]


def test_services_lead_to_the_ports_that_compose_publishes(manifests: list[Manifest]) -> None:
    services = of_kind(manifests, "Service")
    policies = of_kind(manifests, "NetworkPolicy")
    for role in ("api", "desk", "ingress"):
        published = {int(port.split(":")[1]) for port in SERVICES[role]["ports"]}
        assert {port["port"] for port in services[role]["spec"]["ports"]} == published
        names = {port["targetPort"] for port in services[role]["spec"]["ports"]}
        [rule] = policies[role]["spec"]["ingress"]
        assert {port["port"] for port in rule["ports"]} == names
    assert services.keys() == {"api", "desk", "ingress", "gateway"}


# -- what a cluster needs -----------------------------------------------------------------


def test_no_pod_can_do_more_than_its_work(pods: dict[str, Manifest]) -> None:
    for name, pod in pods.items():
        spec, ours = pod["spec"], container(pod)
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        assert ours["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }, name


def test_the_image_has_the_user_that_the_pods_name(pods: dict[str, Manifest]) -> None:
    context = pods["worker"]["spec"]["securityContext"]
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    assert f"\nUSER {user}\n" in (ROOT / "Dockerfile").read_text("utf-8")
    assert context["fsGroup"] == context["runAsGroup"]


def test_kubernetes_adds_no_variable_that_a_process_would_refuse(pods: dict[str, Manifest]) -> None:
    """A service named scserv-api would become SCSERV_API_PORT, which is no setting."""
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in pods.values())


def test_the_settings_of_the_example_are_accepted(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, _, _ in setting_variables():
        monkeypatch.delenv(name, raising=False)
    [settings] = of_kind(manifests, "ConfigMap").values()
    for name, value in settings["data"].items():
        assert name.startswith((PREFIX, "OTEL_"))
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert loaded.kafka_replication_factor == 3
    egress = of_kind(manifests, "NetworkPolicy")["sms-centres"]["spec"]["egress"]
    assert egress == [{"ports": [{"port": loaded.smpp.port}]}]


def test_each_gateway_names_its_bind_after_itself(pods: dict[str, Manifest]) -> None:
    [bind] = [one for one in container(pods["gateway"])["env"] if one["name"].endswith("__BIND")]
    assert bind["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_a_drained_node_takes_one_of_a_role_at_a_time(manifests: list[Manifest]) -> None:
    budgets = of_kind(manifests, "PodDisruptionBudget")
    assert budgets.keys() == set(ROLES) - {"desk"}  # there is one desk: a budget would hold a drain
    for role, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        labels = budget["spec"]["selector"]["matchLabels"]
        assert labels == {"app.kubernetes.io/component": role}


def test_workers_follow_the_lag_up_to_the_partitions(manifests: list[Manifest]) -> None:
    spec = of_kind(manifests, "ScaledObject")["worker"]["spec"]
    worker = of_kind(manifests, "Deployment")[spec["scaleTargetRef"]["name"]]
    assert "replicas" not in worker["spec"]
    assert spec["maxReplicaCount"] == PARTITIONS
    known = {topic.name for topic in TOPICS}
    for trigger in spec["triggers"]:
        assert trigger["metadata"]["topic"] in known
        assert trigger["metadata"]["consumerGroup"] == WORKER_GROUP
        assert trigger["metadata"]["bootstrapServersFromEnv"] == "SCSERV_KAFKA_BOOTSTRAP_SERVERS"


def test_every_resource_is_applied_in_a_step_of_the_guide(manifests: list[Manifest]) -> None:
    guide = (ROOT / "docs" / "OPERATORS.md").read_text("utf-8")
    assert "component in (settings,migrate,topics)" in guide
    in_order = "relay worker gateway scheduler projector api desk ingress"
    assert f"for role in {in_order}; do" in guide
    steps = {"settings", *ONE_SHOT, *in_order.split()}
    for one in manifests:
        assert one["metadata"]["labels"]["app.kubernetes.io/component"] in steps, one["metadata"]


def test_without_keda_the_base_alone_says_how_many_workers_run() -> None:
    base = render(KUBERNETES / "base")
    assert not of_kind(base, "ScaledObject")
    assert of_kind(base, "Deployment")["worker"]["spec"]["replicas"] == 2
