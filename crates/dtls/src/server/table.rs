//! The associations, and how they are found.

use std::collections::HashMap;

use slab::Slab;

use super::{association::Association, event::AssociationId, path::Path};
use crate::session::ConnectionId;

/// The associations of a worker, by their slot, by Connection ID, and by where their peer is.
#[derive(Default)]
pub(super) struct Table {
    // Boxed, so that room for more costs little.
    associations: Slab<Box<Association>>,
    by_id: HashMap<ConnectionId, u32>,
    by_path: HashMap<Path, Here>,
}

/// Who is at a path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Here {
    /// The association whose handshake is over.
    pub(super) open: Option<u32>,
    /// The one that began later, and may take its place.
    pub(super) half_open: Option<u32>,
}

impl Here {
    /// Whether nobody is.
    pub(super) fn is_empty(self) -> bool {
        self.open.is_none() && self.half_open.is_none()
    }
}

impl Table {
    /// Who is at `path`.
    pub(super) fn at(&self, path: &Path) -> Here {
        self.by_path.get(path).copied().unwrap_or_default()
    }

    /// Who is reached by `cid`.
    pub(super) fn by_id(&self, cid: ConnectionId) -> Option<u32> {
        self.by_id.get(&cid).copied()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Association> {
        self.associations.get(slot as usize).map(|it| &**it)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Association> {
        self.associations.get_mut(slot as usize).map(|it| &mut **it)
    }

    /// The slot of an association that is still there.
    pub(super) fn slot(&self, id: AssociationId) -> Option<u32> {
        self.get(id.slot).filter(|it| it.id == id)?;
        Some(id.slot)
    }

    /// The slot that the next association gets.
    pub(super) fn next_slot(&self) -> u32 {
        // Far fewer than Connection IDs, of which there are 2^24.
        self.associations.vacant_key() as u32
    }

    /// Adds a half-open association, whose predecessor at its path is gone.
    pub(super) fn insert(&mut self, association: Association) -> u32 {
        let (cid, path) = (association.cid, association.home);
        let slot = self.associations.insert(Box::new(association)) as u32;
        self.by_id.insert(cid, slot);
        self.by_path.entry(path).or_default().half_open = Some(slot);
        slot
    }

    /// Notes that a handshake is over. Returns the association that was at its path before, is still there, and cannot
    /// be reached any more, having no Connection ID.
    pub(super) fn open(&mut self, slot: u32) -> Option<u32> {
        let association = self.associations.get_mut(slot as usize)?;
        association.open = true;
        let (cid, path) = (association.cid, association.home);
        if !association.has_cid() {
            self.by_id.remove(&cid);
        }
        let here = self.by_path.entry(path).or_default();
        here.half_open = here.half_open.filter(|&it| it != slot);
        let before = here.open.replace(slot)?;
        self.get(before)
            .is_some_and(|it| !it.has_cid())
            .then_some(before)
    }

    /// Notes that the peer of an open association is at `path` now. Who is there without a Connection ID stays the one
    /// that is found by that path: this one has another way.
    pub(super) fn move_to(&mut self, slot: u32, path: Path) {
        let Some(association) = self.associations.get_mut(slot as usize) else {
            return;
        };
        let before = std::mem::replace(&mut association.home, path);
        self.leave(before, slot);
        let there = self.at(&path).open.and_then(|slot| self.get(slot));
        if there.is_none_or(Association::has_cid) {
            self.by_path.entry(path).or_default().open = Some(slot);
        }
    }

    /// Forgets an association.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Box<Association>> {
        let association = self.associations.try_remove(slot as usize)?;
        if self.by_id.get(&association.cid) == Some(&slot) {
            self.by_id.remove(&association.cid);
        }
        self.leave(association.home, slot);
        Some(association)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.associations.len()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Association> {
        self.associations.iter().map(|(_, it)| &**it)
    }

    /// Forgets that `slot` is at `path`.
    fn leave(&mut self, path: Path, slot: u32) {
        if let Some(here) = self.by_path.get_mut(&path) {
            here.open = here.open.filter(|&it| it != slot);
            here.half_open = here.half_open.filter(|&it| it != slot);
            if here.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }
}
