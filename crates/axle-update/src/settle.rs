//! Settling: solves cells and audits the chosen wheels in turn, until every chosen wheel is audited.

use axle_catalogue::{Inventory, share_with_siblings};
use rayon::prelude::*;

use crate::{Audits, Generated, UpdateError, generate};

/// Audits what cells choose until they choose nothing else: an audit can only keep a wheel out of a cell.
///
/// # Errors
/// When a wheel cannot be had, or the catalogue contradicts itself.
pub fn settle(audits: &Audits, inventory: &mut Inventory) -> Result<Generated, UpdateError> {
    loop {
        share(inventory);
        let generated = generate(inventory)?;
        if generated.unaudited.is_empty() {
            return Ok(generated);
        }
        audits.audit(&mut inventory.artefacts, &generated.unaudited)?;
    }
}

/// Takes away what some packages are compiled with, so that it is frozen anew; the empty name is all.
///
/// # Errors
/// When a package is not one that is compiled.
pub fn thaw(names: &[String], inventory: &mut Inventory) -> Result<(), UpdateError> {
    for name in names {
        if name.is_empty() {
            inventory.environments.clear();
        } else if inventory.packages.get(name).is_some_and(|package| package.source.is_some()) {
            inventory.environments.remove(name);
        } else {
            return Err(UpdateError::NotCompiled(name.clone()));
        }
    }
    Ok(())
}

/// Carries facts over to the wheels of the same release for other Pythons.
pub fn share(inventory: &mut Inventory) {
    inventory.artefacts.par_iter_mut().for_each(|(_, file)| share_with_siblings(&mut file.artefacts));
}
