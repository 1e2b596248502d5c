//! Key sets pushed to the component: taken where both sets have signed, and believed by every instance afterwards.

use picket_schema::release::KeySet;

use crate::releases::{key, push, refused, release, served, stand};
use crate::stand::{ADMIN, Answer, Client, Result, component, until};

fn key_set(version: u64, threshold: usize, seeds: &[u8]) -> Result<KeySet> {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    Ok(KeySet::new(version, threshold, keys)?)
}

fn signed(set: &KeySet, seeds: &[u8]) -> Result<Vec<u8>> {
    let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
    Ok(set.sign(&keys.iter().collect::<Vec<_>>())?)
}

fn push_keys(client: &Client, token: &str, body: &[u8]) -> Result<Answer> {
    let authorization = format!("Bearer {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("expect", "100-continue"),
    ];
    client.send("PUT", "/admin/keys", &headers, body)
}

fn keys_refused(client: &Client, body: &[u8], status: u16, said: &str) -> Result<()> {
    let answer = push_keys(client, ADMIN, body)?;
    assert_eq!(answer.status, status, "{said}: {answer:?}");
    assert!(answer.body.contains(said), "{answer:?} does not say {said}");
    Ok(())
}

#[test]
fn keys_rotate_by_consent_of_both_sets_and_every_instance_follows() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for reuse in [1, 1000] {
        // The root has one key.
        let stand = stand(&component, reuse)?;
        let host = stand.start()?;
        let client = Client::new(&host);
        assert_eq!(push(&client, ADMIN, &release(1, 1)?)?.status, 200);
        until("release 1 is served", || Ok(served(&client)? == "model 1"))?;
        let second = key_set(2, 2, &[2, 3])?;
        let good = signed(&second, &[1, 2, 3])?;
        assert_eq!(
            push_keys(&client, "a stranger's own token", &good)?.status,
            401
        );
        // Forged, signed by too few of either, one left out, no set at all, too large.
        keys_refused(&client, &signed(&second, &[2, 3])?, 409, "untrusted_keys")?;
        keys_refused(&client, &signed(&second, &[1, 2])?, 409, "below_threshold")?;
        let third = key_set(3, 1, &[4])?;
        keys_refused(&client, &signed(&third, &[1, 4])?, 409, "key_set_version")?;
        keys_refused(&client, b"{}", 409, "envelope_malformed")?;
        keys_refused(&client, &vec![b'x'; 2 << 20], 413, "limit")?;
        assert_eq!(client.metric("picket_key_set_version")?, 1);
        refused(&client, ADMIN, &release(2, 2)?, 409, "untrusted_keys")?;
        let taken = push_keys(&client, ADMIN, &good)?;
        assert_eq!(taken.status, 200, "{taken:?}");
        let taken = taken.json()?;
        assert_eq!(
            (&taken["key_set"], &taken["threshold"]),
            (&2.into(), &2.into())
        );
        // The old key signs nothing more, and one of the new ones is too few.
        until("every instance knows", || {
            Ok(client.metric("picket_key_set_version")? == 2)
        })?;
        refused(&client, ADMIN, &release(3, 1)?, 409, "untrusted_keys")?;
        refused(&client, ADMIN, &release(3, 2)?, 409, "below_threshold")?;
        // What only old keys vouch for is served no more.
        until("the model in the component answers", || {
            Ok(client.metric("picket_release_number")? == 0)
        })?;
        assert_eq!(
            push_keys(&client, ADMIN, &signed(&third, &[2, 3, 4])?)?.status,
            200
        );
        // An older set, signed by everybody there is.
        keys_refused(
            &client,
            &signed(&second, &[1, 2, 3, 4])?,
            409,
            "key_set_version",
        )?;
        drop(host);
        let host = stand.start()?;
        let client = Client::new(&host);
        assert_eq!(push(&client, ADMIN, &release(4, 4)?)?.status, 200);
        until("release 4 is served", || Ok(served(&client)? == "model 4"))?;
        assert_eq!(client.metric("picket_key_set_version")?, 3);
        assert_eq!(client.metric("picket_key_set_broken")?, 0);
    }
    Ok(())
}
