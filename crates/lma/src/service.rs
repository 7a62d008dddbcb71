//! The service that a node selects (RFC 5149): the one its profile names, or any if the profile
//! names none.

use crate::lookup::Decision;
use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::Profile;
use crate::{Lma, Now};

/// Whether the node may have the service that is selected for it; an update that selects none may
/// have any (§4.2).
pub(crate) fn authorize(profile: &Profile, request: &Request<'_>) -> Result<(), Denial> {
    let selected = request.service.zip(profile.apn.as_deref());
    match selected.is_none_or(|(service, apn)| service.is(apn)) {
        true => Ok(()),
        false => Err(Denial::ServiceNotAuthorized),
    }
}

impl Lma {
    /// §4.2: a session whose node changes to a service that it may not have ends. The answer has
    /// told the sender (§4.1); another gateway that serves the session is told by a revocation.
    /// Before this a replay must have been ruled out, as the refusal comes before that check.
    pub(crate) fn end_unauthorized(&mut self, request: &Request<'_>, now: Now) {
        let Ok(Decision::Update(slot)) = self.look_up(request, None) else { return };
        let session = Some(&self.cache[slot]);
        if request.is_deregistration() || self.check_order(request, session, now).is_err() {
            return;
        }
        self.withdraw(slot, &request.path, now);
    }
}
