//! The service's requests and answers.

mod answers;
mod controlled;
mod feedback;
#[path = "../fixture/mod.rs"]
mod fixture;
mod hostile;
mod problems;
mod quick;
