"""What every test may use: the two real servers, started when the first test wants one."""

import pytest

pytest_plugins = ["tests.fix_servers", "tests.fix_service"]


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python reads its protocol with functions that Python 3.11 and 3.12 deprecate
    # and 3.13 reinstated.
    config.addinivalue_line(
        "filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning"
    )
