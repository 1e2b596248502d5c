//! Real servers for tests: found or made, started on a free port, stopped after.

mod mlflow;
mod mongodb;
mod redis;

pub(crate) use mlflow::MlflowProgram;
pub(crate) use mongodb::MongoDbProgram;
pub(crate) use redis::{RedisProgram, URI_VARIABLE as REDIS_VARIABLE};
