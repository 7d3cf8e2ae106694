"""Figures of the report: arms, published curves, panels that do not overlap."""

from __future__ import annotations

import pytest
from synthetic_claim import filled, synthetic

from mixexp.simulation.claims.judging.evaluate import judge
from mixexp.simulation.claims.report.figure import draw_claim, panels
from mixexp.simulation.claims.report.published import PUBLISHED, published_table, read_published
from mixexp.simulation.expectation import AGREES, NO_VERDICT, NOT_RESOLVED, SHALLOWER, STEEPER

VERDICTS = (AGREES, STEEPER, NOT_RESOLVED, SHALLOWER, NO_VERDICT)


def judged(claim, **options):
    with filled(claim, **options) as store:
        return judge(claim, store.to_frame(claim.study("full")))


def published(tmp_path, **changes):
    path = tmp_path / "curve.csv"
    lines = [f"{n},{40 * n**-1.0},0.2,0.1,0.4" for n in (10, 20, 50)]
    lines += [f"{n},{4 * n**-0.5},0.1,0.05,0.2" for n in (100, 1000, 5000)]
    path.write_text("\n".join(["n,mean,median,q05,q95", *lines]) + "\n")
    return synthetic(published={"fast": str(path)}, **changes)


def test_the_figure_shows_other_arms_where_they_differ_and_published_curves(tmp_path):
    figure = draw_claim(judged(published(tmp_path, figure=("steep", "fast"))))
    assert [axes.get_title() for axes in figure.axes] == ["steep", "h & <d>"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "data-driven starts, certified (counts)",
        "starts near the truth, certified",
        PUBLISHED,
    ]
    low, high = figure.axes[1].get_ylim()
    assert low < 0.05 and high > 0.4
    assert len(figure.axes[0].collections) + 1 == len(figure.axes[1].collections)


def test_panels_legend_and_labels_do_not_overlap(tmp_path):
    claim = published(tmp_path, figure=("steep", "fast", "late", "free"))
    figure = draw_claim(judged(claim))
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [figure.legends[0].get_window_extent(), figure._supxlabel.get_window_extent()]
    for i, box in enumerate(boxes):
        assert figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max), i
        assert box.count_overlaps(boxes[:i]) == 0, i


def test_an_arm_that_hardly_differs_is_not_drawn():
    def same(claim, task):
        row = {"fast": task.n**-0.5 * (1 + 0.1 * task.replicate)}
        return [row | {"arm": arm.name} for arm in claim.arms]

    (legend,) = draw_claim(judged(synthetic(figure=("fast",)), rows=same)).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["data-driven starts, certified (counts)"]


def test_published_slopes_stand_beside_ours_over_both_ranges(tmp_path):
    (row,) = published_table(judged(published(tmp_path))).rows
    # Sizes of the claim are 100 to 10000, where the curve is exactly 4 n^(-1/2).
    assert row[4] == ["\N{MINUS SIGN}0.50", "3 sizes, 100 to 5000"]
    assert row[3][1] == "6 sizes, 10 to 5000" and row[3][0] != row[4][0]
    assert row[1][0] == "\N{MINUS SIGN}0.50"
    assert published_table(judged(synthetic())).rows == []


def test_panels_are_those_asked_for():
    result = judged(synthetic(figure=("free", "absent")), keep=lambda task: False)
    assert panels(result) == ["free"]
    assert panels(judged(synthetic(), keep=lambda task: False))[0] == "fast"


def test_a_published_curve_without_quantiles_is_refused(tmp_path):
    path = tmp_path / "curve.csv"
    path.write_text("n,mean\n100,0.2\n")
    with pytest.raises(ValueError, match=r"curve\.csv has no column 'median'"):
        read_published(path)
