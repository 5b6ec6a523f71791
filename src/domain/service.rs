//! One service behind many names. The API counts calls by application and tenant, whichever of its
//! host names they go to and however an id is spelled; what is counted together must have one name
//! here. Pure text: whether an address may be called at all is decided where it is read.

/// The name of the worldwide service: the origin of its newest host.
pub const WORLDWIDE: &str = "https://api.security.microsoft.com";

/// The domains of the three generations of the worldwide API ("Supported Microsoft Defender for
/// Endpoint APIs" page, and the two before it). The government clouds are in none of them.
const DOMAINS: [&str; 3] =
    ["security.microsoft.com", "securitycenter.microsoft.com", "securitycenter.windows.com"];

/// The one name of the service at an origin. All hosts of the worldwide API are one service, since
/// its regions and generations are doors to the same one; this machine is one under each of its
/// names. Anything else is itself, without what is only spelling: capitals, the dot and the slash
/// at the end, the default port.
pub fn service_of(origin: &str) -> String {
    let origin = origin.trim().to_ascii_lowercase();
    let Some((scheme, rest)) = origin.split_once("://") else { return origin };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.is_empty() || authority.contains('@') {
        return origin;
    }
    let (host, port) = host_and_port(authority);
    let host = host.strip_suffix('.').unwrap_or(host);
    if scheme == "https" && is_worldwide(host) {
        return WORLDWIDE.to_owned();
    }
    let host = if is_this_machine(host) { "127.0.0.1" } else { host };
    match (scheme, port) {
        (_, None | Some("")) | ("https", Some("443")) | ("http", Some("80")) => {
            format!("{scheme}://{host}")
        }
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    }
}

/// The one spelling of a tenant or an application: a GUID without the braces that some tools print
/// around it, a domain without its last dot, both in lower case.
pub fn id_of(text: &str) -> String {
    let text = unbraced(text);
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

/// The text without the braces around it, if there are any.
pub fn unbraced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.map_or(text, str::trim)
}

/// Whether a tenant is told by the name of a domain: it has an id beside, which only a sign-in
/// tells.
pub fn is_domain(tenant: &str) -> bool {
    tenant.contains('.')
}

/// Whether this can be the name of a domain: words of letters, digits and hyphens with dots between
/// them.
pub fn is_domain_name(text: &str) -> bool {
    let is_word = |word: &str| {
        let letters = word.chars().all(|c| c.is_alphanumeric() || c == '-');
        letters && !word.is_empty() && !word.starts_with('-') && !word.ends_with('-')
    };
    is_domain(text) && text.split('.').all(is_word)
}

/// Whether two names of clouds are those of one service: the regions of the worldwide one are.
pub fn is_same_cloud(one: &str, other: &str) -> bool {
    let service = |cloud: &str| {
        let cloud = cloud.to_ascii_lowercase();
        if cloud.starts_with("commercial-") { "commercial".to_owned() } else { cloud }
    };
    service(one) == service(other)
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    // The colons of an address of version 6 stand in brackets.
    let from = authority.rfind(']').unwrap_or(0);
    match authority[from..].find(':') {
        Some(colon) => (&authority[..from + colon], Some(&authority[from + colon + 1..])),
        None => (authority, None),
    }
}

/// `api`, `api-<region>` or `<region>.api` under one of the domains. Regions are added over the
/// years, so any word is taken for one: that can only bring calls together, never apart.
fn is_worldwide(host: &str) -> bool {
    let under = |domain: &&str| host.strip_suffix(*domain)?.strip_suffix('.');
    let Some(front) = DOMAINS.iter().find_map(under) else { return false };
    let region = front
        .strip_prefix("api-")
        .or_else(|| front.strip_suffix(".api"))
        .unwrap_or(if front == "api" { "any" } else { "" });
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !region.is_empty() && region.chars().all(fits)
}

fn is_this_machine(host: &str) -> bool {
    let parts: Vec<&str> = host.split('.').collect();
    host == "localhost"
        || host == "[::1]"
        || parts.len() == 4
            && parts[0] == "127"
            && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_of_every_generation_and_region_is_one_service() {
        let regions = ["us", "eu", "uk", "au", "swa", "ina", "aea"];
        for domain in DOMAINS {
            let mut hosts = vec![format!("api.{domain}"), format!("api-us3.{domain}")];
            hosts.extend(regions.map(|region| format!("{region}.api.{domain}")));
            hosts.extend(regions.map(|region| format!("api-{region}.{domain}")));
            for host in hosts {
                for spelled in [
                    format!("https://{host}"),
                    format!("HTTPS://{}", host.to_ascii_uppercase()),
                    format!(" https://{host}/ "),
                    format!("https://{host}."),
                    format!("https://{host}:443"),
                    format!("https://{host}.:443/"),
                    format!("https://{host}/api/machines?x#y"),
                ] {
                    assert_eq!(service_of(&spelled), WORLDWIDE, "{spelled}");
                }
            }
        }
    }

    #[test]
    fn government_clouds_and_hosts_that_only_look_alike_stay_apart() {
        for apart in [
            "https://api-gcc.securitycenter.microsoft.us",
            "https://api-gov.securitycenter.microsoft.us",
            "https://api.security.microsoft.us",
            "https://fakeapi.security.microsoft.com",
            "https://security.microsoft.com",
            "https://api.microsoft.com",
            "https://x.security.microsoft.com",
            "https://apixsecurity.microsoft.com",
            "https://eu.api.security.microsoft.com.evil.example",
            "https://api.security.microsoft.com.evil.example",
            "https://api.notsecurity.microsoft.com",
            "https://api-.security.microsoft.com",
            "https://.api.security.microsoft.com",
            "https://evil.example.api.security.microsoft.com",
            "https://api.security.microsoft.com@evil.example",
            "http://api.security.microsoft.com",
            "emulator",
        ] {
            assert_eq!(service_of(apart), apart);
        }
    }

    #[test]
    fn other_spellings_of_any_host_are_the_same_host() {
        let gov = "https://api-gov.securitycenter.microsoft.us";
        for spelled in [
            "https://API-GOV.securitycenter.microsoft.us",
            "https://api-gov.securitycenter.microsoft.us.",
            "https://api-gov.securitycenter.microsoft.us:443/",
        ] {
            assert_eq!(service_of(spelled), gov);
        }
        for spelled in ["http://localhost:8080/", "http://127.0.0.1:8080", "http://[::1]:8080"] {
            assert_eq!(service_of(spelled), "http://127.0.0.1:8080");
        }
        assert_eq!(service_of("http://127.0.0.1:80"), "http://127.0.0.1");
        assert_eq!(service_of("https://proxy.example:8443"), "https://proxy.example:8443");
        assert_eq!(service_of("https://[2001:db8::1]:8443"), "https://[2001:db8::1]:8443");
    }

    #[test]
    fn an_id_is_the_same_in_capitals_and_in_braces() {
        let id = "11111111-aaaa-3333-4444-555555555555";
        let capitals = id.to_ascii_uppercase();
        for spelled in [id, &capitals, &format!("{{{capitals}}}"), &format!(" {{ {id} }} ")] {
            assert_eq!(id_of(spelled), id);
        }
        assert_eq!(id_of("Contoso.OnMicrosoft.com."), "contoso.onmicrosoft.com");
        assert_ne!(id_of(&id.replace('1', "2")), id);
    }

    #[test]
    fn the_regions_of_the_worldwide_cloud_are_one_cloud() {
        assert!(is_same_cloud("commercial", "Commercial-EU"));
        for other in ["gcc", "gcc-high", "dod", "EMULATED"] {
            assert!(!is_same_cloud("commercial", other), "{other}");
        }
        assert!(!is_same_cloud("gcc", "gcc-high"));
    }
}
