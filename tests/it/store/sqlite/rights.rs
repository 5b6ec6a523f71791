//! Whose a store is, by the modes of its files.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_folder_the_file_and_its_side_files_are_for_their_owner_alone() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path, Timing::default()).await.unwrap();
    campaign(&store, 0..3, opening("c", &["100/1m"])).await;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for ending in ["", "-wal", "-shm"] {
        let file = format!("{}{ending}", path.display());
        assert_eq!(mode(Path::new(&file)), 0o600, "{file}");
    }
    store.close().await.unwrap();
    assert!(!path.with_file_name("store.db-wal").exists(), "closing leaves one file");
}

#[tokio::test]
async fn what_a_reader_left_beside_a_store_without_rights_follows_when_they_are_mended() {
    let (_folder, path) = place();
    SqliteStore::open(&path, Timing::default()).await.unwrap().close().await.unwrap();
    let index = path.with_file_name(format!("{}-shm", path.file_name().unwrap().display()));
    let elsewhere = path.with_file_name("elsewhere");
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let reader = SqliteStore::open_read_only(&path, Timing::default()).await.unwrap().unwrap();
    reader.campaigns().await.unwrap();
    drop(reader);
    assert_eq!(mode(&index), 0o400, "the reader left it as it found the store");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let store = SqliteStore::open(&path, Timing::default()).await.unwrap();
    assert_eq!(mode(&index), 0o600);
    campaign(&store, 0..3, opening("c", &["100/1m"])).await;
    store.close().await.unwrap();
    // What somebody put there in its place is no side file.
    fs::write(&elsewhere, "theirs").unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o400)).unwrap();
    symlink(&elsewhere, &index).unwrap();
    drop(SqliteStore::open(&path, Timing::default()).await);
    assert_eq!(mode(&elsewhere), 0o400, "a link was followed");
}

#[tokio::test]
async fn a_place_of_the_systems_own_is_refused_by_its_name() {
    assert!(refusal_of(Path::new("/proc/fleetsweep.db")).await.contains("/proc"));
}
