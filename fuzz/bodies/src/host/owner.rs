//! What the owner of the controller does while the host is at work: namespaces come, go and change their
//! size, the function is reset, the whole is snapshotted and put back.

use arbitrary::Unstructured;
use nvme_model::{CachePolicy, Media, Snapshot};

use super::accounts::Accounts;
use super::{Host, disk};

/// The controller as it was, and what was known of it then.
pub(super) struct Saved {
    snapshot: Snapshot,
    accounts: Accounts,
    tails: [u16; 4],
    next_cid: u16,
}

impl Host {
    /// Does one of these things.
    pub(crate) fn act_as_owner(&mut self, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let nsid = input.int_in_range(0..=9)?;
        match input.int_in_range(0..=7_u8)? {
            0 | 1 => {
                let media = disk(*input.choose(&[512, 4096, 520])?);
                let added =
                    self.controller.add_namespace(self.now_ns, nsid, media, &mut self.accounts);
                // Whether that is possible is the controller's to say.
                let _ = added;
            }
            2 => {
                let _ = self.controller.remove_namespace(self.now_ns, nsid, &mut self.accounts);
            }
            3 => {
                let blocks = input.int_in_range(0..=300)?;
                let make = |old: &dyn Media| Ok(old.resized(blocks));
                let _ =
                    self.controller.resize_namespace(self.now_ns, nsid, make, &mut self.accounts);
            }
            4 => {
                self.controller.function_level_reset(self.now_ns, &mut self.accounts);
                self.accounts.forget();
            }
            5 | 6 => {
                let (snapshot, accounts) = (self.controller.snapshot(), self.accounts.clone());
                let (tails, next_cid) = (self.tails, self.next_cid);
                self.saved = Some(Saved { snapshot, accounts, tails, next_cid });
            }
            _ => {
                if let Some(saved) = &self.saved {
                    // The host's memory stays as it is: queues and data are what they were not.
                    self.controller.restore(&saved.snapshot);
                    self.accounts = saved.accounts.clone();
                    (self.tails, self.next_cid) = (saved.tails, saved.next_cid);
                }
            }
        }
        self.step();
        Ok(())
    }

    /// A rule may have cut the power, or pulled the device out: whoever owns it plugs it in again.
    pub(super) fn plug_in_again(&mut self) {
        if self.controller.is_power_lost() {
            self.power_cut_in_flight(CachePolicy::Sample { seed: 1 });
        }
    }
}
