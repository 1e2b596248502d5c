//! The identity over kills and restarts, as a scrape sees it; and one spool for one process.

use crate::Tested;
use crate::mongo::Database;
use crate::program::{Program, component, spool, text};
use mongodb::bson::doc;

#[test]
fn counts_add_up_through_kills_and_nothing_acknowledged_is_lost() -> Tested {
    let (Some(component), Some(database)) = (component(), Database::new()?) else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("spool");
    // Nothing listens there.
    let nowhere = "mongodb://127.0.0.1:9/x";
    let mut acknowledged = Vec::new();
    let mut accepted = 0;
    for life in 0..4 {
        let target = if life % 2 == 0 {
            nowhere.to_owned()
        } else {
            database.uri()
        };
        let more = ["--upload", &target, "--upload-records", "7"];
        let program = Program::serve(&component, &place, &more)?;
        let before = program.counts()?;
        assert!(before.accepted >= accepted, "{before:?}");
        for _ in 0..25 {
            acknowledged.push(program.predict()?.map_err(|status| format!("{status}"))?);
            program.counts()?;
        }
        let counts = program.counts()?;
        assert!(counts.accepted >= before.accepted + 25, "{counts:?}");
        accepted = counts.accepted;
        program.kill()?;
    }
    let program = Program::serve(&component, &place, &["--upload", &database.uri()])?;
    let counts = program.drained()?;
    assert!(counts.accepted >= accepted && counts.delivered == counts.accepted);
    assert_eq!(database.n_records()?, counts.delivered);
    assert_eq!(acknowledged.len(), 100);
    for id in acknowledged {
        assert!(database.has(doc! {"_id": &id})?, "{id} is lost");
    }
    Ok(())
}

#[test]
fn a_second_process_is_refused_and_the_first_goes_on() -> Tested {
    let Some(component) = component() else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let first = Program::serve(&component, folder.path(), &[])?;
    first.predict()?.map_err(|status| format!("{status}"))?;
    let second = Program::serve(&component, folder.path(), &[]);
    let said = second
        .err()
        .ok_or("two processes on one spool")?
        .to_string();
    assert!(said.contains("in use"), "{said}");
    for change in ["replay", "repair"] {
        let output = spool(&[change], folder.path())?;
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("in use"), "{output:?}");
    }
    for look in ["inspect", "verify", "export"] {
        assert!(spool(&[look], folder.path())?.status.success(), "{look}");
    }
    first.predict()?.map_err(|status| format!("{status}"))?;
    assert_eq!(first.counts()?.pending, 2);
    // Killed, it leaves nothing that keeps the next one out.
    first.kill()?;
    let next = Program::serve(&component, folder.path(), &[])?;
    assert_eq!(next.counts()?.pending, 2);
    Ok(())
}
