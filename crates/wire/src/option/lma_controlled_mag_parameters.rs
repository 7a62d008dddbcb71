use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// LMA-Controlled MAG Parameters option, RFC 8127 §3: what a gateway is to do in place of what it
/// was configured to. Aligned 4n+2, so that its sub-options are aligned 4n.
///
/// ```text
/// |   Type = 62   |   Length      |
/// | LCMP Type = 1 |  Length = 6   |  Re-registration-Start-Time   |
/// |  Initial-Retransmission-Time  | Maximum-Retransmission-Time   |
/// | LCMP Type = 2 |  Length = 6   |        HB-Interval            |
/// |    HB-Retransmission-Delay    |    HB-Max-Retransmissions     |
/// ```
///
/// Either sub-option may be absent, and those of other types are passed over: an option that has
/// none of the two asks for nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LmaControlledMagParameters {
    /// When updates are sent.
    pub reregistration: Option<ReregistrationControl>,
    /// When heartbeats are.
    pub heartbeat: Option<HeartbeatControl>,
}

/// Binding Re-registration Control sub-option, RFC 8127 §3.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReregistrationControl {
    /// How long before the binding's end it is refreshed, in units of 4 seconds.
    pub start_time: u16,
    /// Seconds before the first retransmission of an update.
    pub initial_retransmission: u16,
    /// Seconds between two retransmissions at most.
    pub max_retransmission: u16,
}

/// Heartbeat Control sub-option, RFC 8127 §3.1.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeartbeatControl {
    /// Seconds between an answered request and the next one.
    pub interval: u16,
    /// Seconds before a request that is not answered is sent again, at least.
    pub retransmission_delay: u16,
    /// Retransmissions at most.
    pub max_retransmissions: u16,
}

const REREGISTRATION: u8 = 1;
const HEARTBEAT: u8 = 2;
/// The length of both.
const LENGTH: u8 = 6;

impl LmaControlledMagParameters {
    /// Whether a number is zero that must not be (RFC 8127 §5.2): the acknowledgement is then
    /// ignored.
    pub fn has_zero(&self) -> bool {
        let reregistration = self.reregistration.is_some_and(|control| {
            [control.start_time, control.initial_retransmission, control.max_retransmission]
                .contains(&0)
        });
        let heartbeat = self
            .heartbeat
            .is_some_and(|control| [control.interval, control.max_retransmissions].contains(&0));
        reregistration || heartbeat
    }
}

impl OptionBody<'_> for LmaControlledMagParameters {
    const TYPE: OptionType = OptionType::LMA_CONTROLLED_MAG_PARAMETERS;
    const ALIGN: Align = Align { multiple: 4, offset: 2 };

    /// A second sub-option of a type is none that may be: the first one counts.
    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut read = Self::default();
        while body.left() > 0 {
            let kind = body.u8("sub-option type")?;
            let length = body.u8("sub-option length")?;
            if matches!(kind, REREGISTRATION | HEARTBEAT) && length != LENGTH {
                return Err(body.invalid("sub-option length", length.into()));
            }
            let mut data = body.sub(length.into(), "sub-option")?;
            match kind {
                REREGISTRATION => {
                    let control = ReregistrationControl {
                        start_time: data.u16("re-registration start time")?,
                        initial_retransmission: data.u16("initial retransmission time")?,
                        max_retransmission: data.u16("maximum retransmission time")?,
                    };
                    read.reregistration.get_or_insert(control);
                }
                HEARTBEAT => {
                    let control = HeartbeatControl {
                        interval: data.u16("heartbeat interval")?,
                        retransmission_delay: data.u16("heartbeat retransmission delay")?,
                        max_retransmissions: data.u16("heartbeat retransmissions")?,
                    };
                    read.heartbeat.get_or_insert(control);
                }
                _ => {}
            }
        }
        Ok(read)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        if let Some(control) = self.reregistration {
            w.u8(REREGISTRATION);
            w.u8(LENGTH);
            w.u16(control.start_time);
            w.u16(control.initial_retransmission);
            w.u16(control.max_retransmission);
        }
        if let Some(control) = self.heartbeat {
            w.u8(HEARTBEAT);
            w.u8(LENGTH);
            w.u16(control.interval);
            w.u16(control.retransmission_delay);
            w.u16(control.max_retransmissions);
        }
    }
}
