"""A forest behind FastAPI, as Python projects serve one: a pickle loaded at start, a row checked by
pydantic, made a DataFrame and scored. `/empty` is what the framework takes without a model.

Run by `cargo xtask bench http` under uvicorn; FOREST_PICKLE names the file.
"""

import os

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
forest = joblib.load(os.environ["FOREST_PICKLE"])
columns = list(forest.feature_names_in_)


class Row(BaseModel):
    features: dict[str, float]


# `async`, so that uvicorn calls it in place: a plain function would go through a pool of threads.
@app.post("/predict")
async def predict(row: Row):
    score = forest.predict_proba(pd.DataFrame([row.features], columns=columns))[0, 1]
    return {"verdict": "positive" if score >= 0.5 else "negative", "score": float(score)}


@app.post("/empty")
async def empty():
    return {"verdict": "positive"}


@app.get("/ready")
async def ready():
    return {"ready": True}
