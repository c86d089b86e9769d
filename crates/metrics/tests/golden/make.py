"""Writes golden.json: values of scipy, scikit-learn and statsmodels for simulated predictions of two models.

Run where those three are installed: python3 make.py > golden.json
The file contains their versions. Model `first` has no equal probabilities, `second` has many.
"""

import json
import sys

import numpy
import scipy
import sklearn
import statsmodels
from scipy import optimize, stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

ROWS, BINS = 600, 15
draw = numpy.random.default_rng(20261124)
labels = (draw.random(ROWS) < 0.55).astype(int)
differences = numpy.float32(2.2 * (2 * labels - 1) * draw.gamma(1.5, 1.0, ROWS) + draw.normal(0, 3.5, ROWS))
first = numpy.float32(1 / (1 + numpy.exp(-numpy.float64(differences) / 2)))
second = numpy.float32(numpy.round(1 / (1 + numpy.exp(-(differences + draw.normal(0, 3, ROWS)))), 2))
assert len(set(first)) == ROWS


def figures(probabilities):
    decisions = probabilities >= 0.5
    wide = numpy.clip(numpy.float64(probabilities), 1e-7, 1 - 1e-7)
    return {
        "accuracy": metrics.accuracy_score(labels, decisions),
        "precision": metrics.precision_score(labels, decisions),
        "recall": metrics.recall_score(labels, decisions),
        "f1": metrics.f1_score(labels, decisions),
        "mcc": metrics.matthews_corrcoef(labels, decisions),
        "roc_auc": metrics.roc_auc_score(labels, probabilities),
        "pr_auc": metrics.average_precision_score(labels, probabilities),
        "log_loss": metrics.log_loss(labels, wide),
        "brier": metrics.brier_score_loss(labels, numpy.float64(probabilities)),
    }


def calibration_error(probabilities):
    shares, means = calibration_curve(labels, probabilities, n_bins=BINS, strategy="quantile")
    assert len(shares) == BINS  # bins of ROWS / BINS rows, because no probabilities are equal
    return float(numpy.abs(shares - means).mean())


def brier_parts(probabilities, bins):
    """Stephenson, Coelho and Jolliffe (2008), equations 5 to 9."""
    order = numpy.argsort(-probabilities, kind="stable")
    base = labels.mean()
    parts = {"reliability": 0.0, "resolution": 0.0, "uncertainty": base * (1 - base)}
    for rows in numpy.array_split(order, bins):
        predicted, actual, share = numpy.float64(probabilities[rows]), labels[rows], len(rows) / ROWS
        within_variance = ((predicted - predicted.mean()) ** 2).mean()
        within_covariance = 2 * ((actual - actual.mean()) * (predicted - predicted.mean())).mean()
        parts["reliability"] += share * (predicted.mean() - actual.mean()) ** 2
        parts["resolution"] += share * ((actual.mean() - base) ** 2 - within_variance + within_covariance)
    return parts


def temperature():
    margins = numpy.float64(differences) * (2 * labels - 1)
    loss = lambda inverse: numpy.logaddexp(0, -margins * inverse).mean()
    return 1 / optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-12}).x


def isotonic():
    margin = 1 / (ROWS + 2)
    fitted = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip")
    fitted.fit(numpy.float64(differences), labels)
    differences_to_test = [float(x) for x in numpy.linspace(-20, 20, 81)]
    return {"places": differences_to_test, "probabilities": fitted.predict(differences_to_test).tolist()}


def percentile_interval(statistic, data):
    found = stats.bootstrap(
        data, statistic, paired=True, vectorized=False, n_resamples=20_000, method="percentile", random_state=1
    )
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


first_correct = (first >= 0.5) == labels
second_correct = (second >= 0.5) == labels
table = [[int((first_correct & second_correct).sum()), int((first_correct & ~second_correct).sum())], [int((~first_correct & second_correct).sum()), int((~first_correct & ~second_correct).sum())]]
p_values = [0.01, 0.04, 0.03, 0.005, 0.2, 0.04]
false_positive, true_positive, _ = metrics.roc_curve(labels, second, drop_intermediate=False)
tables = [(0, 0), (3, 9), (60, 30), (412, 480), (4900, 5100), (1, 200)]
shares = [(0, 10), (7, 30), (915, 1000), (25_000, 25_000), (1, 3)]
golden = {
    "versions": {"numpy": numpy.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "statsmodels": statsmodels.__version__},
    "labels": labels.tolist(),
    "differences": [float(x) for x in differences],
    "first": [float(x) for x in first],
    "second": [float(x) for x in second],
    "figures": {"first": figures(first), "second": figures(second)},
    "ece": calibration_error(first),
    "brier_parts": brier_parts(first, 10),
    "roc": [[float(x), float(y)] for x, y in zip(false_positive, true_positive)],
    "temperature": temperature(),
    "isotonic": isotonic(),
    "only": [table[0][1], table[1][0]],
    "mcnemar": [[one, two, float(mcnemar([[0, one], [two, 0]], exact=True).pvalue)] for one, two in tables],
    "pair": float(mcnemar(table, exact=True).pvalue),
    "p_values": p_values,
    "holm": multipletests(p_values, method="holm")[1].tolist(),
    "wilson": [[count, rows, *map(float, proportion_confint(count, rows, 0.05, "wilson"))] for count, rows in shares],
    "accuracy_interval": percentile_interval(numpy.mean, (first_correct.astype(float),)),
    "difference_interval": percentile_interval(lambda one, two: one.mean() - two.mean(), (first_correct.astype(float), second_correct.astype(float))),
}
json.dump(golden, sys.stdout)
print()
