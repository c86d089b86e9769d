"""Writes golden.json: values of statsmodels for local level and local linear trend.

Run where it is installed: python3 make.py > golden.json
Observations of statsmodels have no known error variance, so it is 0 here. Variances of levels come from the normal
equations, because the smoother of statsmodels loses four digits to the large initial variance.
"""

import json
import sys

import numpy
import statsmodels
from statsmodels.tsa.statespace.structural import UnobservedComponents

draw = numpy.random.default_rng(7)
values = numpy.cumsum(draw.normal(0.05, 0.2, 40)) + draw.normal(0, 0.3, 40)
values[[9, 10, 25]] = numpy.nan


def level_variances(irregular, level, slope=None):
    """Variances of the levels, from the precision matrix of initial state and shocks."""
    count = len(values)
    steps = numpy.tri(count, count)[:, 1:]
    design = [numpy.ones((count, 1)), steps]
    precision = [1e-6] + [1 / level] * (count - 1)
    if slope is not None:
        design += [numpy.arange(count)[:, None], numpy.cumsum(steps, axis=0) - steps]
        precision += [1e-6] + [1 / slope] * (count - 1)
    design, known = numpy.hstack(design), ~numpy.isnan(values)
    covariance = numpy.linalg.inv(numpy.diag(precision) + design[known].T @ design[known] / irregular)
    return numpy.diag(design @ covariance @ design.T).tolist()


cases = []
for name, variances in [("llevel", [0.09, 0.04]), ("llevel", [0.2, 0.001]), ("lltrend", [0.09, 0.02, 0.003]), ("lltrend", [0.05, 0.04, 1e-6])]:
    model = UnobservedComponents(values, name)
    model.ssm.initialize_approximate_diffuse(1e6)
    found = model.smooth(variances)
    ahead = found.get_forecast(3)
    # The variance of the level, without the irregular component of an observation.
    cases.append({
        "slope": name == "lltrend",
        "variances": variances,
        "log_likelihood": float(found.llf),
        "levels": found.smoothed_state[0].tolist(),
        "level_variances": level_variances(*variances),
        "forecast": ahead.predicted_mean.tolist(),
        "forecast_variances": (ahead.var_pred_mean - variances[0]).tolist(),
    })
golden = {
    "versions": {"numpy": numpy.__version__, "statsmodels": statsmodels.__version__},
    "values": [None if numpy.isnan(value) else float(value) for value in values],
    "cases": cases,
}
json.dump(golden, sys.stdout)
print()
