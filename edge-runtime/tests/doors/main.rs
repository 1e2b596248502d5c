//! The doors of a server over real sockets: TLS, tokens, limits, and what is told of it. Each test says what a
//! client sees.

#[path = "../../service/tests/fixture/mod.rs"]
#[expect(dead_code, reason = "the tests here need one of its schemas")]
mod fixture;
mod limits;
mod program;
mod scene;
mod tls;
mod tokens;
mod traces;
