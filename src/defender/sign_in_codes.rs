//! What Entra's numbers mean and what to do about each ("Microsoft Entra authentication and
//! authorization error codes" page). `{tenant}`, `{application}` and `{audience}` stand for those
//! of the sign-in.

use crate::domain::SignInKind;

/// Codes that say "later" rather than "no".
pub(super) const TRANSIENT: [u64; 6] = [50033, 90006, 90012, 90024, 90033, 90055];

/// What happened, and what to do next.
pub(super) type Meaning = Option<(&'static str, &'static str)>;

/// The meaning of a number, as far as it is known.
pub(super) fn meaning(kind: SignInKind, code: u64) -> Meaning {
    of_credential(kind, code)
        .or_else(|| of_machine(kind, code))
        .or_else(|| of_federation(code))
        .or_else(|| of_application(code))
        .or_else(|| of_device_policy(code))
        .or_else(|| of_policy(kind, code))
        .or_else(|| of_user(code))
}

/// What is wrong with a secret or a certificate.
fn of_credential(kind: SignInKind, code: u64) -> Meaning {
    const NEW_SECRET: &str = "make a new one under App registrations > Certificates & secrets, and \
                              put its value into AZURE_CLIENT_SECRET or the secret's file";
    const CERTIFICATE: &str = "upload the certificate of this file under App registrations > \
                               Certificates & secrets > Certificates, and check its dates";
    Some(match (kind, code) {
        (_, 7000215) => (
            "the client secret of application {application} is wrong",
            "put the secret's value, not its id, into AZURE_CLIENT_SECRET or the secret's file",
        ),
        (_, 7000222) => ("the client secret of application {application} has expired", NEW_SECRET),
        (SignInKind::DeviceCode, 7000216 | 7000218) => (
            "application {application} is no public client, so no user can sign in to it",
            "set `Allow public client flows` to Yes under App registrations > Authentication",
        ),
        (_, 7000216 | 7000218) => (
            "no client secret was sent for application {application}",
            "set AZURE_CLIENT_SECRET, or choose another kind of --auth",
        ),
        (_, 700025) => (
            "application {application} is a public client, which has no secret and no certificate",
            "set `Allow public client flows` to No under App registrations > Authentication, or \
             use --auth device-code",
        ),
        (_, 1000502) => (
            "the certificate of application {application} is not within its dates",
            "make a new one, upload it under App registrations > Certificates & secrets > \
             Certificates, and put it with its key into the file",
        ),
        (SignInKind::Certificate, 700027 | 5002723 | 50027 | 50012 | 50013 | 700030) => {
            ("the certificate is not one of application {application}, or it has expired", {
                CERTIFICATE
            })
        }
        (SignInKind::Certificate, 700021 | 700023) => (
            "the certificate's assertion is for another application or another sign-in service",
            "check AZURE_CLIENT_ID, AZURE_TENANT_ID and --login-url",
        ),
        (SignInKind::Certificate, 700024 | 500133) => (
            "the assertion of application {application} is not within its time",
            "check this machine's clock",
        ),
        _ => return None,
    })
}

/// What is wrong where this machine's identity vouches for an application.
fn of_machine(kind: SignInKind, code: u64) -> Meaning {
    let no_trust = [70021, 700211, 700212, 700213, 700214].contains(&code);
    if kind != SignInKind::FederatedIdentity || !no_trust {
        return None;
    }
    Some((
        "application {application} does not trust this machine's managed identity",
        "add a federated credential of the kind Managed identity under App registrations > \
         Certificates & secrets > Federated credentials, with the identity that is assigned to \
         this machine; a new one takes some minutes to work",
    ))
}

/// What is wrong with another issuer's token. The credential of the application must name issuer,
/// subject and audience exactly as the token does, in the same case.
fn of_federation(code: u64) -> Meaning {
    Some(match code {
        700024 | 500133 => (
            "the federated token of application {application} has expired or is not valid yet",
            "check that the token file is renewed, and this machine's clock",
        ),
        700027 | 50027 | 50012 | 50013 | 700030 => (
            "the federated token of application {application} is not valid or has expired",
            "check the token file, its issuer, and this machine's clock",
        ),
        700211 => (
            "no federated credential of application {application} has the issuer of the token",
            "copy the token's `iss` as it is into Certificates & secrets > Federated credentials",
        ),
        700212 => (
            "no federated credential of application {application} has the audience of the token",
            "have the token issued for api://AzureADTokenExchange, or enter its `aud` under \
             Certificates & secrets > Federated credentials",
        ),
        700213 => (
            "no federated credential of application {application} has the subject of the token",
            "copy the token's `sub` as it is into Certificates & secrets > Federated credentials; \
             in Kubernetes it is system:serviceaccount:NAMESPACE:NAME",
        ),
        70021 | 700214 => (
            "no federated credential of application {application} fits the token",
            "compare issuer, subject and audience, letter by letter, under Certificates & secrets \
             > Federated credentials; a new one takes some minutes to work",
        ),
        700222 => (
            "the federated token was issued by Entra itself, which cannot vouch for {application}",
            "name the token file of the other issuer, or use --auth managed-identity",
        ),
        _ => return None,
    })
}

/// What is wrong with the application, its tenant or what it asks for.
fn of_application(code: u64) -> Meaning {
    Some(match code {
        700016 => (
            "application {application} does not exist in tenant {tenant}",
            "check AZURE_CLIENT_ID and AZURE_TENANT_ID; the wrong tenant is the usual reason",
        ),
        7000112 | 70001 => (
            "application {application} is disabled in tenant {tenant}",
            "enable it under Enterprise applications > Properties",
        ),
        7000229 => (
            "application {application} has no service principal in tenant {tenant}",
            "let an administrator of that tenant consent to it",
        ),
        50194 | 700054 => (
            "application {application} is not made for sign-ins of other tenants",
            "set AZURE_TENANT_ID to the application's own tenant",
        ),
        65001 | 65004 | 90094 | 90095 | 90008 => (
            "nobody has consented to what application {application} may do in tenant {tenant}",
            "let an administrator grant it under App registrations > API permissions > Grant \
             admin consent (WindowsDefenderATP: Machine.Scan), or open the link that `fleetsweep \
             consent-url` prints",
        ),
        90002 | 90013 | 900021 | 900023 | 50059 | 50128 => (
            "there is no tenant {tenant} in this cloud",
            "check AZURE_TENANT_ID, and the cloud (government tenants sign in elsewhere)",
        ),
        900382 | 900432 | 90038 => (
            "tenant {tenant} belongs to another cloud",
            "choose the cloud of the tenant with --cloud",
        ),
        500011 | 500014 | 650052 | 650057 => (
            "tenant {tenant} has no service for {audience}",
            "check the cloud, and that Defender for Endpoint is licensed and set up in the tenant",
        ),
        70011 | 1002012 | 28002 => (
            "{audience} is no scope that can be asked for",
            "use the cloud's own audience, which ends with /.default",
        ),
        _ => return None,
    })
}

/// What a policy of the tenant asks of the device that signs in.
fn of_device_policy(code: u64) -> Meaning {
    Some(match code {
        53000..=53002 | 530003 | 50005 | 50097 | 50129 => (
            "a Conditional Access policy of tenant {tenant} asks for a managed device or app",
            "ask the tenant's administrator for an exemption, or sign in as an application",
        ),
        53009 => (
            "a Conditional Access policy of tenant {tenant} asks for an app with protection",
            "ask the tenant's administrator for an exemption, or sign in as an application",
        ),
        530033 => (
            "a Conditional Access policy of tenant {tenant} allows no sign-in by device code",
            "use another kind of --auth, such as azure-cli on a managed device, or a certificate",
        ),
        530084 => (
            "a Conditional Access policy of tenant {tenant} asks for tokens bound to their device",
            "ask the tenant's administrator for an exemption, or sign in as an application",
        ),
        _ => return None,
    })
}

/// What else a policy of the tenant forbids.
fn of_policy(kind: SignInKind, code: u64) -> Meaning {
    const USER: [SignInKind; 2] = [SignInKind::DeviceCode, SignInKind::AzureCli];
    const BLOCKED: &str =
        "a Conditional Access policy of tenant {tenant} blocks application {application}";
    Some(match code {
        53003 | 530031 | 50131 if USER.contains(&kind) => (
            "a Conditional Access policy of tenant {tenant} blocks this user's sign-in",
            "see Entra > Sign-in logs for the policy's name, and ask the tenant's administrator to \
             exempt it; or sign in from an allowed network, or as an application",
        ),
        53003 | 530031 | 50131 => (
            BLOCKED,
            "ask the tenant's administrator to exempt it (Entra > Sign-in logs > Service principal \
             sign-ins names the policy), or run from an allowed network",
        ),
        530032 | 530034 | 530035 => (
            "a security policy of tenant {tenant} blocks this sign-in",
            "ask the tenant's administrator about security defaults and risky sign-ins",
        ),
        50053 => (
            "the account is locked, or the sign-in came from an address that is known for attacks",
            "wait some minutes, then sign in from another network, or ask the administrator",
        ),
        53011 | 53004 | 53010 => (
            "the user or the sign-in counts as risky in tenant {tenant}, and is held",
            "ask the tenant's administrator to look at it under Entra > Protection > Risky users",
        ),
        500212 | 500213 | 50177 => (
            "the cross-tenant access settings of tenant {tenant} do not allow this account",
            "use an account or application of that tenant, or ask its administrator",
        ),
        50105 => (
            "this account is not assigned to application {application}",
            "assign it under Enterprise applications > Users and groups",
        ),
        _ => return None,
    })
}

/// What is wrong with a user's sign-in.
fn of_user(code: u64) -> Meaning {
    const AGAIN: &str =
        "sign in again (device code: start the command again; Azure CLI: run `az login`)";
    Some(match code {
        50076 | 50078 | 50158 | 50074 => (
            "tenant {tenant} asks the user for a second factor again",
            "sign in again (device code: start the command again; Azure CLI: run `az login`), or \
             sign in as an application, which has none",
        ),
        50072 | 50079 | 50125 => (
            "tenant {tenant} asks the user to set up a second factor first",
            "set it up at https://aka.ms/mfasetup and sign in again, or sign in as an application, \
             which has none",
        ),
        70043 | 70044 | 70046 | 70008 | 700082 | 700084 | 50173 | 50132 | 50133 | 50089 => {
            ("the user's sign-in has ended or was revoked", AGAIN)
        }
        50055 => {
            ("the user's password has expired", "change it at https://aka.ms/sspr, then sign in")
        }
        50034 | 50057 | 50020 | 51004 | 500341 => (
            "this user has no account, or a disabled one, in tenant {tenant}",
            "sign in with an account of that tenant",
        ),
        70018..=70020 => (
            "the code for the user's sign-in was refused or has ended",
            "start the command again, and enter the new code",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word of what happened and one of what to do, for each number that people meet.
    #[test]
    fn each_number_that_people_meet_says_what_happened_and_what_to_do() {
        use SignInKind::{AzureCli, Certificate, DeviceCode, Secret, Workload};
        for (kind, code, what, next) in [
            (Secret, 7000215, "is wrong", "not its id"),
            (Secret, 7000222, "has expired", "make a new one"),
            (Secret, 7000218, "no client secret was sent", "AZURE_CLIENT_SECRET"),
            (DeviceCode, 7000218, "no public client", "Allow public client flows"),
            (Secret, 700025, "public client", "to No"),
            (Certificate, 700027, "not one of application", "upload the certificate"),
            (Certificate, 1000502, "not within its dates", "upload it"),
            (Certificate, 700024, "not within its time", "clock"),
            (Certificate, 700023, "another sign-in service", "--login-url"),
            (Workload, 700024, "has expired or is not valid yet", "renewed"),
            (Workload, 70021, "fits the token", "letter by letter"),
            (Workload, 700211, "the issuer", "`iss`"),
            (Workload, 700212, "the audience", "api://AzureADTokenExchange"),
            (Workload, 700213, "the subject", "system:serviceaccount:"),
            (Workload, 700222, "issued by Entra itself", "managed-identity"),
            (Secret, 700016, "does not exist in tenant", "AZURE_CLIENT_ID"),
            (Secret, 7000112, "is disabled", "Enterprise applications"),
            (Secret, 7000229, "no service principal", "consent"),
            (Secret, 65001, "nobody has consented", "Grant admin consent"),
            (Secret, 90002, "no tenant", "AZURE_TENANT_ID"),
            (Secret, 900023, "no tenant", "AZURE_TENANT_ID"),
            (Secret, 900382, "another cloud", "--cloud"),
            (Secret, 500011, "no service for", "licensed"),
            (Secret, 53003, "blocks application", "Service principal sign-ins"),
            (AzureCli, 53003, "blocks this user's", "Sign-in logs"),
            (DeviceCode, 530033, "no sign-in by device code", "another kind of --auth"),
            (AzureCli, 53000, "a managed device", "as an application"),
            (AzureCli, 530003, "a managed device", "as an application"),
            (AzureCli, 50097, "a managed device", "as an application"),
            (AzureCli, 50076, "a second factor again", "az login"),
            (AzureCli, 50079, "to set up a second factor", "mfasetup"),
            (AzureCli, 50105, "not assigned", "Users and groups"),
            (AzureCli, 50034, "no account", "of that tenant"),
            (AzureCli, 50055, "password has expired", "change it"),
            (AzureCli, 50053, "is locked", "wait"),
            (AzureCli, 53011, "counts as risky", "Risky users"),
            (AzureCli, 500212, "cross-tenant", "of that tenant"),
            (DeviceCode, 70020, "has ended", "the new code"),
        ] {
            let (happened, to_do) = meaning(kind, code).unwrap_or_default();
            assert!(happened.contains(what), "{code}: {happened}");
            assert!(to_do.contains(next), "{code}: {to_do}");
        }
        // What is not known is not guessed at.
        assert_eq!(meaning(Secret, 424_242), None);
        assert!(TRANSIENT.into_iter().all(|code| meaning(Secret, code).is_none()));
    }
}
