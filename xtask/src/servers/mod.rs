//! Real servers for tests: found or made, started on a free port, stopped after.

mod mlflow;
mod mongodb;

pub(crate) use mlflow::MlflowProgram;
pub(crate) use mongodb::MongoDbProgram;
