"""Times the peers that are called from Python: `ENGINE SHAPE LAB`. Requests are those of driver.h.

onnxruntime's single rows pay for the call from Python. YDF times its own C++ engine: model.benchmark().
"""

import json
import pathlib
import sys
import time

import numpy as np


def onnxruntime_modes(shape, lab, rows):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    artifact = (lab / f"{shape}.onnx").read_bytes()
    load = lambda: onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    session = load()
    name = session.get_inputs()[0].name
    score = lambda x: session.run(["probabilities"], {name: x})[0][:, 1]
    single = lambda: np.concatenate([score(rows[i : i + 1]) for i in range(len(rows))])
    modes = {"single": (single, len(rows)), "batch": (lambda: score(rows), len(rows)), "load": (load, 1)}
    return f"onnxruntime {onnxruntime.__version__}", "probability", modes


def sklearn_modes(shape, lab, rows):
    import joblib
    import sklearn

    load = lambda: joblib.load(lab / "forest.pickle")
    model = load()
    model.n_jobs = 1
    modes = {"batch": (lambda: model.predict_proba(rows)[:, 1], len(rows)), "load": (load, 1)}
    return f"scikit-learn {sklearn.__version__}", "probability", modes


def xgboost_modes(shape, lab, rows):
    import xgboost

    artifact = bytearray((lab / "gbdt.ubj").read_bytes())

    def load():
        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(artifact)

    return f"xgboost {xgboost.__version__}", "own", {"load": (load, 1)}


class Ydf:
    """YDF's native engine: it times itself, so a pass is a call of benchmark()."""

    def __init__(self, shape, lab, rows):
        import ydf

        ydf.verbose(0)
        path = str(lab / f"{shape}.ydf")
        self.load = lambda: ydf.load_model(path)
        self.model = self.load()
        self.data = {f"f{i}": np.ascontiguousarray(rows[:, i]) for i in range(rows.shape[1])}
        self.n_rows = len(rows)
        engines = self.model.list_compatible_engines()
        self.version = f"ydf {ydf.__version__} {engines[0] if engines else ''}".strip()

    def time(self, mode, seconds):
        if mode == "load":
            return None
        batch = 1 if mode == "single" else self.n_rows
        result = self.model.benchmark(self.data, seconds, seconds / 4, batch, 1)
        per_row = result.duration_per_example
        return 1e9 * (per_row.total_seconds() if hasattr(per_row, "total_seconds") else float(per_row))


def serve(version, gives, modes, own_time=None):
    print(json.dumps({"version": version, "gives": gives, "modes": list(modes)}), flush=True)
    for line in sys.stdin:
        verb, mode, rest = line.rstrip("\n").split(" ", 2)
        work, n_items = modes[mode]
        if verb == "check":
            output = np.asarray(work(), "<f8")
            output.tofile(rest)
            print(json.dumps({"n": output.size}), flush=True)
            continue
        per_item = own_time(mode, float(rest) / 1e3) if own_time else None
        if per_item is None:
            n_done, start = 0, time.perf_counter_ns()
            while (elapsed := time.perf_counter_ns() - start) < float(rest) * 1e6 or not n_done:
                work()
                n_done += n_items
            per_item = elapsed / n_done
        print(json.dumps({"ns": per_item}), flush=True)


def main():
    engine, shape, lab = sys.argv[1:]
    lab = pathlib.Path(lab)
    n_features = json.loads((lab / "lab.json").read_text())["n_features"]
    rows = np.fromfile(lab / "rows.f32", "<f4").reshape(-1, n_features)
    if engine == "ydf":
        own = Ydf(shape, lab, rows)
        serve(own.version, "own", {"single": (None, 1), "batch": (None, 1), "load": (own.load, 1)}, own.time)
        return
    modes = {"onnxruntime": onnxruntime_modes, "scikit-learn": sklearn_modes, "xgboost": xgboost_modes}
    serve(*modes[engine](shape, lab, rows))


main()
