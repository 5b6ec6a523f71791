//! How fast a list is read: a million rows from memory, in the forms that people bring. Throughput
//! is in rows. It does not measure disks.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fleetsweep::intake::{self, Options, Seen};

const ROWS: u64 = 1_000_000;

/// A different id for every row; the multiplier spreads the numbers as a hash would.
fn id(row: u64) -> String {
    let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{mixed:016x}{row:08x}{:016x}", mixed.rotate_left(32))
}

fn list(header: &str, row: impl Fn(u64) -> String) -> Vec<u8> {
    std::iter::once(header.to_owned()).chain((0..ROWS).map(row)).collect::<String>().into_bytes()
}

fn read(bytes: &[u8]) -> u64 {
    let mut devices = 0;
    let summary = intake::read("bench", bytes, &Options::default(), &mut Seen::new(), &mut |row| {
        devices += u64::from(black_box(row).device_name.is_some());
        ControlFlow::Continue(())
    });
    assert_eq!(summary.expect("the list is good").devices, ROWS);
    devices
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("intake");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    let short = list("DeviceId,DeviceName\n", |row| format!("{},pc-{row}\n", id(row)));
    group.bench_function("two_columns", |bencher| bencher.iter(|| read(&short)));
    drop(short);
    let wide = list("Device ID,Device Name,Domain,Device IPs,Tags,OS Platform\r\n", |row| {
        let tail = "\"10.0.0.1, fe80::1\",\"Finance,Pilot\",Windows11,,,,,False,0,Intune,Success";
        format!("{},pc-{row},corp.example,{tail}\r\n", id(row))
    });
    group.bench_function("portal_export", |bencher| bencher.iter(|| read(&wide)));
    drop(wide);
    let dump = list("", |row| {
        format!("{{\"id\":\"{}\",\"computerDnsName\":\"pc-{row}\",\"tags\":[\"a\"]}}\n", id(row))
    });
    group.bench_function("json_lines", |bencher| bencher.iter(|| read(&dump)));
    group.finish();
}

criterion_group!(intake_benches, benches);
criterion_main!(intake_benches);
