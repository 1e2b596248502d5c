//! Real servers for tests: found or made, started on a free port, stopped after.

mod mongodb;

pub(crate) use mongodb::MongoDbProgram;
