//! What the benches of stores put into one: a campaign and its rows. It measures nothing.

use fleetsweep::domain::{
    BusyPolicy, DeviceId, Life, NewRow, Opening, Order, Priority, ScanType, Target,
};

/// A campaign of this name, whose limits hold nothing up.
pub(crate) fn opening(name: &str) -> Opening {
    Opening {
        name: name.parse().expect("it is a name"),
        order: Order {
            target: Target {
                api_origin: "https://api.example".to_owned(),
                tenant: "tenant".to_owned(),
                application: "application".to_owned(),
                cloud: "global".to_owned(),
            },
            scan_type: ScanType::Full,
            comment: "bench".to_owned(),
            ticket: None,
            ids_hash: "00".repeat(32),
        },
        mark_bits: 1,
        busy: BusyPolicy::Report,
        emulated: false,
        quotas: vec!["1000000/1s".parse().expect("it is a quota")],
        priority: Priority::default(),
        rollout: Default::default(),
        begun: Default::default(),
    }
}

/// A row of a device; ids come in no order.
pub(crate) fn row(number: u32) -> NewRow {
    let mut bytes = [0; 20];
    let mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    NewRow {
        line: u64::from(number) + 2,
        device: Some(DeviceId::from_bytes(bytes)),
        name: Some(format!("workstation-{number:06}.example")),
        input_text: None,
        facts: Default::default(),
        life: Life::draft(),
        reason: None,
        turn: 0,
        wave: 0,
    }
}
