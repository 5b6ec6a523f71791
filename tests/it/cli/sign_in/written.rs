//! The real binary and the files and variables that people wrote a secret into: every form signs
//! in or is named, also when it is renewed in the middle of a run.

use std::sync::{Arc, Mutex};

use super::*;

/// Bytes of a file, and the words by which the error names what is wrong with them.
type Wrong<'a> = (&'a str, &'a [u8], &'a str);

fn write_bytes(place: &Place, name: &str, bytes: &[u8]) -> String {
    let path = private(place, name, "");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_with_marks_or_other_line_ends_signs_in() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    let utf16: Vec<u8> =
        "\u{feff}emulator-secret\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (number, bytes) in [&b"\xef\xbb\xbfemulator-secret\n"[..], b"emulator-secret\r\n", &utf16]
        .into_iter()
        .enumerate()
    {
        next_list(&place, number as u64);
        let file = write_bytes(&place, "secret", bytes);
        let mut command = towards(&place, &emulator, &["--client-secret-file", &file]);
        ordered(
            &place,
            {
                ids(&mut command);
                command
            },
            "secret",
        )
        .await;
    }
    next_list(&place, 9);
    let mut command = towards(&place, &emulator, &[]);
    ids(&mut command).env("AZURE_CLIENT_SECRET", "\u{feff}emulator-secret\r");
    ordered(&place, command, "secret").await;
}

#[test]
fn what_a_secret_holds_besides_its_value_is_named_before_anything_is_asked() {
    let place = Place::new();
    place.list(1);
    let refused = |command: Command, name: &str, word: &str| {
        let said = run(command);
        assert_eq!(said.code, 7, "{name}: {}", said.err);
        assert!(said.err.contains(word), "{name}: {}", said.err);
        assert!(!said.err.contains("s3cret"), "{name}: {}", said.err);
    };
    let cases: [Wrong<'_>; 7] = [
        ("quotes", b"\"s3cret~VALUE\"\n", "quotation marks around the value"),
        ("two lines", b"s3cret~VALUE\nother\n", "it holds 2 lines"),
        ("JSON", b"{\"password\": \"s3cret~VALUE\"}", "it holds JSON"),
        ("a setting", b"AZURE_CLIENT_SECRET=s3cret~VALUE\n", "NAME=value"),
        ("nothing", b"\xef\xbb\xbf\r\n", "it is empty"),
        ("a zero within", b"s3cret\0VALUE", "a control character"),
        ("no text", b"\x30\x82s3cret\xff\xfe\xfd", "no text"),
    ];
    for (name, bytes, word) in cases {
        let file = write_bytes(&place, "secret", bytes);
        let args = [&SCAN[..], &["--client-secret-file", &file]].concat();
        let mut command = place.fleetsweep(&args);
        ids(&mut command);
        refused(command, name, word);
    }
    for (value, word) in
        [("'s3cret~VALUE'", "quotation marks"), ("s3cret~VALUE\nother", "it holds 2 lines")]
    {
        let mut command = place.fleetsweep(&SCAN);
        ids(&mut command).env("AZURE_CLIENT_SECRET", value);
        refused(command, "the variable", word);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_renewed_in_the_middle_of_a_run_costs_nothing() {
    let emulator = Arc::new(emulate_with(|_| {}).await);
    let good = Arc::new(Mutex::new("first"));
    let (issuer, taken) = (emulator.clone(), good.clone());
    let login = Canned::serve(move |_, request| {
        let good = *taken.lock().unwrap();
        if !request.contains(&format!("client_secret={good}")) {
            return close(401, r#"{"error":"invalid_client","error_codes":[7000215]}"#);
        }
        let token = token(&issuer, TENANT);
        close(200, format!(r#"{{"token_type":"Bearer","expires_in":2,"access_token":"{token}"}}"#))
    })
    .await;
    let place = Place::new();
    place.list(60);
    let file = private(&place, "secret", "first");
    let mut command = towards(&place, &emulator, &["--limit=10/1s", "--client-secret-file", &file]);
    ids(&mut command).env("FLEETSWEEP_LOGIN_URL", login.origin());
    let running = tokio::task::spawn_blocking(move || run(command));
    while emulator.ledger().accepted < 5 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The server takes the new one alone from now on.
    *good.lock().unwrap() = "second";
    std::fs::write(&file, "second\n").unwrap();
    let said = running.await.unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(emulator.ledger().accepted, 60);
    assert!(login.seen().last().unwrap().contains("client_secret=second"));
}
