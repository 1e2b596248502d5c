"""Records Wilson intervals by scipy and a webhook's signature by Python's hmac.

    python monitor.py
"""

import hmac
import json
import pathlib

import scipy
from scipy.stats import binomtest

HERE = pathlib.Path(__file__).parent

cases = []
for n, of in [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (1, 2), (5, 7), (50, 100), (97, 100), (99, 100), (1, 1000),
              (943, 1000), (999, 1000), (12345, 20000), (1999999, 2000000), (0, 100000)]:
    interval = binomtest(n, of).proportion_ci(confidence_level=0.95, method="wilson")
    cases.append({"n": n, "of": of, "low": interval.low, "high": interval.high})
document = {"scipy": scipy.__version__, "cases": cases}
(HERE / "wilson.json").write_text(json.dumps(document, indent=1) + "\n")

digest = hmac.new(b"a secret of this test", b'1700000000.{"a":1}', "sha256").hexdigest()
(HERE / "webhook_signature.txt").write_text(f"t=1700000000,v1={digest}\n")
