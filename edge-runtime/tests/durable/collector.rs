//! A device, `edge-runtime collect`, and MongoDB behind it.

use mongodb::bson::doc;

use crate::Tested;
use crate::mongo::Database;
use crate::program::{Program, component, spool, text};
use crate::relay::{Fault, Relay};

const TOKEN: &str = "a-token_of-this-test.0123456789abcdef";

#[test]
fn a_device_delivers_by_the_collector_through_an_outage() -> Tested {
    let (Some(component), Some(database)) = (component(), Database::new()?) else {
        return Ok(());
    };
    let relay = Relay::start(database.address)?;
    let collector = Program::collect(&database.uri_by(relay.address), TOKEN)?;
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let token = token.to_string_lossy().into_owned();
    let place = folder.path().join("spool");
    let more = ["--upload", &collector.origin, "--upload-token", &token];
    let device = Program::serve(&component, &place, &more)?;
    let mut ids = Vec::new();
    for round in 0..3 {
        // In the second round the database is away.
        relay.set(if round == 1 { Fault::Down } else { Fault::None });
        for _ in 0..10 {
            let id = device.predict()?.map_err(|status| format!("{status}"))?;
            assert_eq!(device.label(&id)?, 202);
            ids.push(id);
        }
        if round == 1 {
            std::thread::sleep(std::time::Duration::from_millis(500));
            assert!(device.counts()?.pending >= 20, "the database was not away");
        } else {
            device.drained()?;
        }
    }
    let counts = device.drained()?;
    assert_eq!((counts.accepted, counts.delivered), (60, 60));
    assert_eq!(database.n_records()?, 60);
    for id in &ids {
        assert!(
            database.has(doc! {"_id": id, "kind": "prediction"})?,
            "{id}"
        );
        assert!(
            database.has(doc! {"prediction": id, "kind": "label"})?,
            "{id}"
        );
    }
    // The device held no key to the database, and the collector told nobody its own.
    let shown = text(&spool(&["export"], &place)?.stdout);
    assert!(!shown.contains("mongodb"), "{shown}");
    Ok(())
}

#[test]
fn a_device_without_the_token_keeps_its_records() -> Tested {
    let (Some(component), Some(database)) = (component(), Database::new()?) else {
        return Ok(());
    };
    let collector = Program::collect(&database.uri(), "the-token_of-others.0123456789abcdefgh")?;
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let token = token.to_string_lossy().into_owned();
    let place = folder.path().join("spool");
    let more = ["--upload", &collector.origin, "--upload-token", &token];
    let device = Program::serve(&component, &place, &more)?;
    device.predict()?.map_err(|status| format!("{status}"))?;
    std::thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(device.counts()?.pending, 1);
    assert_eq!(database.n_records()?, 0);
    Ok(())
}
