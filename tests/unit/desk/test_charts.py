"""Charts: where lines and bars are, and what gaps look like."""

from inbound.desk.status.charts import HEIGHT, WIDTH, bars_of, chart_of


def test_a_line_goes_from_edge_to_edge_and_from_0_to_the_highest() -> None:
    chart = chart_of({"p50": [0.0, 5.0, 10.0]})
    assert chart.top == 10
    assert chart.lines[0].path == f"M0.0 {HEIGHT}.0L{WIDTH / 2} {HEIGHT / 2}L{WIDTH}.0 0.0"


def test_a_gap_interrupts_a_line_and_a_lonely_value_is_a_dash() -> None:
    [line] = chart_of({"p50": [2.0, 2.0, None, 2.0, None]}).lines
    assert line.path == "M0.0 0.0L150.0 0.0M375.0 0.0h150.0"
    [last] = chart_of({"p50": [None, None, 2.0]}).lines
    assert last.path == "M300.0 0.0h300.0"


def test_lines_share_one_scale() -> None:
    low, high = chart_of({"p50": [5.0, 5.0], "p99": [10.0, 10.0]}).lines
    assert low.path == "M0.0 60.0L600.0 60.0"
    assert high.path == "M0.0 0.0L600.0 0.0"


def test_bars_have_the_height_of_their_value_and_none_is_drawn_for_0() -> None:
    chart = bars_of([4, 0, 2])
    assert chart.lines[0].path.count("M") == 2
    assert f"v-{HEIGHT}.0h" in chart.lines[0].path
    assert f"v-{HEIGHT / 2}h" in chart.lines[0].path


def test_nothing_is_a_chart_without_height() -> None:
    assert bars_of([0, 0]).lines[0].path == ""
    assert chart_of({"p50": [None, None]}).top == 0
