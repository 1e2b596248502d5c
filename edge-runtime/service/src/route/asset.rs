//! The page and its files.

use std::fmt::Write as _;

use picket_schema::sha256;

use crate::assets::content_type;
use crate::docs;
use crate::reply::Reply;
use crate::service::Service;

/// A file of the page; where the host has no page, the root answers with the list of routes.
pub(crate) fn asset(service: &Service, path: &str) -> Reply {
    let Some((path, body)) = service.assets.find(path) else {
        return docs::page(&service.model);
    };
    let mut tag = String::with_capacity(34);
    tag.push('"');
    for byte in &sha256(&body)[..16] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    let mut reply = Reply::ok(content_type(path), body);
    reply.etag = Some(tag);
    reply
}
