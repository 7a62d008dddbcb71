//! A request, before it is a packet: what is the same for every server it goes to.

use std::time::Instant;

use crate::authenticator::hide;
use crate::packet::HEADER;
use crate::server::Server;
use crate::{AttributeType, Code, DecodeError, Packet, PacketRef, TooLong};

/// What a server is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Work {
    /// Access-Requests.
    Authentication,
    /// Accounting-Requests.
    Accounting,
}

/// A request, to be made into packets for the servers it goes to.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) work: Work,
    attributes: Packet,
    password: Option<Vec<u8>>,
    happened: Option<Instant>,
}

impl Request {
    /// An Access-Request.
    pub fn access() -> Self {
        Self::new(Work::Authentication, Code::ACCESS_REQUEST)
    }

    /// An Accounting-Request about what happened then. Acct-Delay-Time is the client's to add.
    pub fn accounting(happened: Instant) -> Self {
        let new = Self::new(Work::Accounting, Code::ACCOUNTING_REQUEST);
        Self { happened: Some(happened), ..new }
    }

    /// The same with attributes that [`Self::attributes`] gave some other time.
    pub fn accounting_of(happened: Instant, attributes: &[u8]) -> Result<Self, DecodeError> {
        let mut request = Self::accounting(happened);
        let too_long = |TooLong| DecodeError::Length(u16::MAX);
        request.attributes.push_all(attributes).map_err(too_long)?;
        PacketRef::decode(request.attributes.bytes())?;
        Ok(request)
    }

    /// The attributes, as they are in a packet.
    pub fn attributes(&self) -> &[u8] {
        &self.attributes.bytes()[HEADER..]
    }

    fn new(work: Work, code: Code) -> Self {
        Self { work, attributes: Packet::new(code, 0), password: None, happened: None }
    }

    /// Adds an attribute.
    pub fn push(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), TooLong> {
        self.attributes.push(kind, value)
    }

    /// Adds a password, which is hidden for each server it goes to.
    pub fn set_password(&mut self, password: &[u8]) {
        self.password = Some(password.to_vec());
    }

    /// The packet for a server: signed, with how long ago what it says happened.
    pub(crate) fn packet(
        &self,
        identifier: u8,
        authenticator: [u8; 16],
        server: &Server,
        now: Instant,
    ) -> Result<Packet, TooLong> {
        let mut packet = Packet::new(self.attributes.view().code(), identifier);
        match self.work {
            Work::Authentication => {
                // First, as the remedy against forged answers has it.
                packet.reserve()?;
                packet.push_all(self.attributes())?;
                if let Some(password) = &self.password {
                    let hidden = hide(password, &server.secret, &authenticator);
                    packet.push(AttributeType::USER_PASSWORD, &hidden)?;
                }
                packet.sign_access(&server.secret, authenticator);
            }
            Work::Accounting => {
                packet.push_all(self.attributes())?;
                let happened = self.happened.unwrap_or(now);
                let delay = now.saturating_duration_since(happened).as_secs();
                let delay = u32::try_from(delay).unwrap_or(u32::MAX);
                packet.push(AttributeType::ACCT_DELAY_TIME, &delay.to_be_bytes())?;
                packet.sign_request(&server.secret);
            }
        }
        Ok(packet)
    }
}
