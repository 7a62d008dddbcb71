//! What `management-api` says, for the server of the API.

use kedge_api::RemoteAccess;
use kedge_config::ManagementApi;

use super::error::ApplyError;

/// How clients of other hosts come in. A block that says only a part of it is refused: there is
/// no access without TLS and tokens.
pub fn management(api: &ManagementApi) -> Result<RemoteAccess, ApplyError> {
    let missing = |command| ApplyError::OpenManagement { command };
    let ManagementApi { listen, certificate, private_key, tokens } = api.clone();
    Ok(RemoteAccess {
        listen: listen.ok_or(missing("listen ADDRESS port PORT"))?,
        certificate: certificate.ok_or(missing("certificate FILE"))?.into(),
        key: private_key.ok_or(missing("private-key FILE"))?.into(),
        tokens: tokens.ok_or(missing("tokens FILE"))?.into(),
    })
}
