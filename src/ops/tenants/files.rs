//! The report files of several tenants: one for each, which that customer may see, and those over
//! all, which only the provider may. A path in which `{tenant}` stands is one file for each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Tenant;
use crate::domain::request::OutputRequest;
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignName};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::run::reports::{PLACE_OF_NAME, Reports, write_together};
use crate::report::tenants::TenantsEnd;
use crate::store::Store;
use crate::system::shell;

/// What stands for the tenant's profile in a report's path.
pub(super) const PLACE_OF_TENANT: &str = "{tenant}";

/// Where the reports go.
pub(super) struct Files {
    /// Those of each tenant, in which its name is to be filled in.
    each: Vec<PathBuf>,
    /// Those over all.
    all: Vec<PathBuf>,
    /// Nobody named these: they are the report of all tenants, and never of some.
    all_by_default: bool,
    force: bool,
    /// A folder that was made for them, and that is taken away if nothing comes of it.
    made: Option<PathBuf>,
}

/// The files over several tenants that were written.
#[derive(Clone, Debug, Default)]
pub(super) struct OverAll {
    /// Where they are.
    pub(super) paths: Vec<String>,
    /// Other tenants have a campaign of the name too, whose rows are not in them.
    pub(super) of_some: bool,
}

impl OverAll {
    /// Tells what was written of them in the table of all tenants.
    pub(super) fn tell(written: &Result<Self, Failure>, end: &mut TenantsEnd) {
        let Ok(Self { paths, of_some }) = written else { return };
        (end.reports, end.of_some) = (paths.clone(), *of_some);
    }
}

impl Files {
    /// Those that are asked for, or `fleetsweep-NAME/PROFILE.csv` for each tenant and
    /// `fleetsweep-NAME.csv` over all.
    ///
    /// # Errors
    /// `Failure` if two tenants would have one file.
    pub(super) fn of(
        asked: &OutputRequest,
        campaign: &CampaignName,
        tenants: &[Tenant],
    ) -> Result<Self, Failure> {
        let has_tenant =
            |path: &PathBuf| path.to_str().is_some_and(|text| text.contains(PLACE_OF_TENANT));
        let named = |path: &PathBuf| filled(path, PLACE_OF_NAME, campaign.as_str());
        let (mut each, mut all): (Vec<PathBuf>, Vec<PathBuf>) =
            asked.reports.iter().map(named).partition(has_tenant);
        if each.is_empty() {
            each.push(PathBuf::from(format!("fleetsweep-{campaign}/{PLACE_OF_TENANT}.csv")));
        }
        let all_by_default = all.is_empty();
        if all_by_default {
            all.push(PathBuf::from(format!("fleetsweep-{campaign}.csv")));
        }
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let each = each.into_iter().map(absolute).collect();
        let files = Self { each, all, all_by_default, force: asked.force, made: None };
        files.refuse_shared(tenants)?;
        Ok(files)
    }

    /// The files of a tenant.
    pub(super) fn of_tenant(&self, tenant: &Tenant) -> Vec<PathBuf> {
        let name = file_name(&tenant.name);
        self.each.iter().map(|path| filled(path, PLACE_OF_TENANT, &name)).collect()
    }

    /// Makes the folders of the tenants' files, where they are missing.
    ///
    /// # Errors
    /// `Failure` if one cannot be made.
    pub(super) fn make_folders(&mut self) -> Result<(), Failure> {
        for path in &self.each {
            let Some(folder) = path.parent().filter(|folder| !folder.exists()) else { continue };
            // Only the last folder: a typing error further up must not become a tree.
            fs::create_dir(folder).map_err(|error| {
                Failure::usage(
                    format!("the folder {} cannot be made", printable(&folder.to_string_lossy())),
                    error,
                    format!(
                        "make the folder that it is to be in, or name another place with --report, \
                         with {PLACE_OF_TENANT} in it"
                    ),
                )
            })?;
            self.made = Some(folder.to_owned());
        }
        Ok(())
    }

    /// Takes away the folder that was made, if nothing is in it.
    pub(super) fn unmake_folders(&self) {
        if let Some(folder) = &self.made {
            fs::remove_dir(folder).ok();
        }
    }

    /// Whether the files over all can be written, tried before the first call.
    ///
    /// # Errors
    /// `Failure` if one cannot, or is not a report of these campaigns.
    pub(super) fn check(&self, campaign: &CampaignName) -> Result<(), Failure> {
        Reports::new(&self.over_all(), campaign, None).map(drop)
    }

    /// Writes the files over all. Where other tenants have such a campaign too, the one that nobody
    /// named is left as it is: it would lose their rows.
    ///
    /// # Errors
    /// `Failure` if one cannot be written.
    pub(super) async fn write<S: Store>(
        &self,
        cx: &Context<'_>,
        store: &S,
        campaigns: &[Campaign],
    ) -> Result<OverAll, Failure> {
        let Some(first) = campaigns.first() else { return Ok(OverAll::default()) };
        let there = store.named(&first.name).await?;
        let is_other = |one: &Campaign| {
            one.emulated == first.emulated && campaigns.iter().all(|own| own.id != one.id)
        };
        let of_some = there.iter().any(is_other);
        let paths = self.all.iter().map(|path| path.display().to_string());
        if of_some && self.all_by_default {
            let all = printable(&paths.collect::<Vec<_>>().join(", "));
            let command = cx.commands.of_campaign(&format!("report {} --all-profiles", first.name));
            let is_there = self.all.iter().any(|path| path.exists());
            let left = if is_there { "Left as it is" } else { "Not written" };
            cx.say(&format!(
                "{left}: {all}, since other tenants have a campaign {} too; \
                 `{command}` writes the rows of all.",
                first.name
            ));
            return Ok(OverAll { paths: Vec::new(), of_some });
        }
        let reports = Reports::new(&self.over_all(), &first.name, None)?;
        write_together(&reports, store, campaigns).await?;
        Ok(OverAll { paths: paths.collect(), of_some })
    }

    /// That workers write the reports of each tenant and none over all, where so many campaigns
    /// were handed over.
    pub(super) fn tell_of_workers(&self, cx: &Context<'_>, name: &CampaignName, handed: usize) {
        let asked = self.all.iter().filter(|_| !self.all_by_default && handed > 0);
        for path in asked {
            let path = shell::word(&path.to_string_lossy());
            let command = format!("report {name} --all-profiles --report {path}");
            cx.say(&format!(
                "Workers write the report of each tenant, and none of all: `{}` does.",
                printable(&cx.commands.of_campaign(&command))
            ));
        }
    }

    /// The first of the files over all.
    pub(super) fn first_of_all(&self) -> Option<&Path> {
        self.all.first().map(PathBuf::as_path)
    }

    fn over_all(&self) -> OutputRequest {
        OutputRequest { reports: self.all.clone(), force: self.force, metrics: None }
    }

    fn refuse_shared(&self, tenants: &[Tenant]) -> Result<(), Failure> {
        let mut taken: BTreeSet<PathBuf> =
            self.all.iter().filter_map(|path| std::path::absolute(path).ok()).collect();
        for tenant in tenants {
            if let Some(path) =
                self.of_tenant(tenant).iter().find(|path| !taken.insert((*path).clone()))
            {
                return Err(Failure::usage(
                    "two reports would be one file",
                    format!(
                        "{} is the report of the profile {} and of another",
                        printable(&path.to_string_lossy()),
                        printable(&tenant.name)
                    ),
                    "name the files with --report, with {tenant} in the path of each tenant's",
                ));
            }
        }
        Ok(())
    }
}

fn filled(path: &Path, place: &str, with: &str) -> PathBuf {
    match path.to_str() {
        Some(text) => PathBuf::from(text.replace(place, with)),
        None => path.to_owned(),
    }
}

/// A name that can stand in a path: no separator, and nothing that a shell or a system takes
/// otherwise.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let plain: String = name.chars().map(plain).collect();
    // Neither hidden nor the folder above.
    plain.replace("..", "-").trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::ConnectRequest;

    fn tenants(names: &[&str]) -> Vec<Tenant> {
        let connect = |name: &&str| ConnectRequest {
            profile: Some((*name).to_owned()),
            ..ConnectRequest::default()
        };
        Tenant::all(names.iter().map(connect).collect())
    }

    fn files(reports: &[&str], names: &[&str]) -> Result<Files, Failure> {
        let reports = reports.iter().map(PathBuf::from).collect();
        let asked = OutputRequest { reports, ..OutputRequest::default() };
        Files::of(&asked, &"c1".parse().unwrap(), &tenants(names))
    }

    #[test]
    fn each_tenant_has_a_file_of_its_own_and_no_name_leaves_its_folder() {
        let files = files(&[], &["a", "../b/c", ".."]).unwrap();
        let shown: Vec<String> = tenants(&["a", "../b/c", ".."])
            .iter()
            .flat_map(|tenant| files.of_tenant(tenant))
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(shown, ["a.csv", "--b-c.csv", "-.csv"]);
        assert_eq!(files.all, [PathBuf::from("fleetsweep-c1.csv")]);
    }

    #[test]
    fn two_tenants_never_share_a_file() {
        assert!(files(&["x/{tenant}.csv", "x/b.csv"], &["a", "b"]).is_err());
        assert!(files(&["x/{tenant}.csv"], &["a/b", "a-b"]).is_err());
        assert!(files(&["x/{campaign}-{tenant}.csv", "x/b.csv"], &["a", "b"]).is_ok());
    }
}
