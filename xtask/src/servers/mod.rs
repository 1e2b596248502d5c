//! Real servers for tests: found or made, started on a free port, stopped after.

mod mlflow;
mod mongo_reader;
mod mongodb;
mod redis;

pub(crate) use mlflow::MlflowProgram;
pub(crate) use mongo_reader::documents;
pub(crate) use mongodb::{MongoDbProgram, RunningMongoDb};
pub(crate) use redis::{RedisProgram, URI_VARIABLE as REDIS_VARIABLE};
