//! Fault rules as text: anything may be written, nothing may break, and what is understood is printed
//! in a form that means the same.

use nvme_model::fault::{FaultPlan, Rule};

/// Texts that are rules, to be varied.
pub const SEEDS: &[&[u8]] = &[
    b"read lba=0x1000..0x2000 nth=3 => status=media/unrecovered-read dnr",
    b"io name=slow queue=2 nsid=1 every=3 => delay=1500ns count=4",
    b"write lba=7 chance=0.125 from=1ms to=2s => corrupt=16^0x80 before=3s until-reset",
    b"io sqe=40:ff00/0f00 after=slow => hang",
    b"read phase=completion => delay=lognormal(80us,0.5)",
    b"read => delay=burst(1ms,10,100)",
    b"seed = 7\nrules = [\"flush nth=2 => drop\"]\n",
    b"[[rule]]\nmatch = { op = \"read\", lba = \"0x10..0x20\" }\ndo = { torn = \"700B\" }\n",
    b"enable chance=0.5 => cfs",
    b"write => misdirect=0x40 until-rewrite",
];

/// Reads the text in both forms.
pub fn run(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        if let Ok(rule) = line.parse::<Rule>() {
            let again = rule.to_string();
            assert_eq!(again.parse(), Ok(rule), "{line} was printed as {again}");
        }
    }
    if let Ok(plan) = FaultPlan::from_toml(&text) {
        plan.check().expect("a plan that was read is in order");
    }
    1 + text.lines().count() as u64
}
