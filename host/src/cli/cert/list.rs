//! `tureen cert list` and `show`.

use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Ended, HomeArgument, output};
use super::assign::uses_of;
use crate::certificates::{
    Assignments, Certificate, CertificateStore, Described, Scan, describe_file,
};

/// A subject is cut here in the table; `show` has it whole.
const SUBJECT_CHARACTERS: usize = 40;

/// Show all certificates, until when they are valid and where they are used.
///
/// Warns of what expires within 30 days and of what clients will refuse. Ends with 1 when a file
/// of the store cannot be used.
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    home: HomeArgument,

    /// With the SHA-256 thumbprints
    #[arg(long)]
    long: bool,

    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        let scan = store.scan()?;
        let assignments = Assignments::load(store.directory())?;
        if self.json {
            output::line(&as_json(&store, &scan, &assignments).to_string());
        } else {
            self.print(&store, &scan, &assignments);
        }
        Ok(if scan.problems.is_empty() { Ended::Well } else { Ended::Badly })
    }

    fn print(&self, store: &CertificateStore, scan: &Scan, assignments: &Assignments) {
        let now = Timestamp::now();
        let mut rows =
            vec![self.row(["NAME", "SUBJECT", "FOR", "EXPIRES", "USED", "SHA-1", "SHA-256"])];
        for one in &scan.certificates {
            let used = uses_of(store, assignments, &one.name).join(", ");
            let subject: String = one.subject.chars().take(SUBJECT_CHARACTERS).collect();
            let (sha1, sha256) = (one.sha1.to_string(), one.sha256.to_string());
            let (names, expires) = (one.names.join(" "), expires(one.days_left(now)));
            rows.push(self.row([&one.name, &subject, &names, &expires, &used, &sha1, &sha256]));
        }
        for line in table(&rows) {
            output::line(&line);
        }
        for request in &scan.requests {
            output::line(&format!("{request}: a request, waits for its certificate"));
        }
        for one in &scan.certificates {
            super::warn(&warnings(one, now));
        }
        for problem in &scan.problems {
            output::error(&problem.to_string());
        }
    }

    fn row(&self, cells: [&str; 7]) -> Vec<String> {
        let shown = if self.long { 7 } else { 6 };
        cells.into_iter().take(shown).map(str::to_owned).collect()
    }
}

/// Show everything about one certificate of the home, or those of a file.
///
/// A file may be a partner's: PEM or DER, without a key.
#[derive(Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    home: HomeArgument,

    /// Which one, by name or thumbprint; or a file
    #[arg(value_name = "NAME|FILE")]
    name: String,

    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let file = Path::new(&self.name);
        if file.is_file() {
            return self.show_file(file);
        }
        let store = super::store(&self.home)?;
        let one = store.named(&self.name)?;
        let assignments = Assignments::load(store.directory())?;
        if self.json {
            output::line(&certificate_json(&store, &one, &assignments).to_string());
            return Ok(Ended::Well);
        }
        let now = Timestamp::now();
        let used = uses_of(&store, &assignments, &one.name).join(", ");
        let rows = [
            ("name", one.name.clone()),
            ("file", one.path.display().to_string()),
            ("subject", one.subject.clone()),
            ("issuer", one.issuer.clone()),
            ("for", one.names.join(", ")),
            ("from", one.not_before.to_string()),
            ("until", format!("{} ({})", one.not_after, expires(one.days_left(now)))),
            ("chain", format!("{} certificate(s) are sent", one.chain().len())),
            ("used", if used.is_empty() { "not assigned".to_owned() } else { used }),
            ("SHA-1", one.sha1.to_string()),
            ("SHA-256", one.sha256.to_string()),
        ];
        for (label, value) in rows {
            output::line(&format!("{label:<8} {value}"));
        }
        super::warn(&warnings(&one, now));
        Ok(Ended::Well)
    }
}

impl Show {
    fn show_file(&self, file: &Path) -> anyhow::Result<Ended> {
        let described = describe_file(file)?;
        if self.json {
            let all: Vec<Value> = described.iter().map(described_json).collect();
            output::line(&json!({ "certificates": all }).to_string());
            return Ok(Ended::Well);
        }
        let now = Timestamp::now();
        for (index, one) in described.iter().enumerate() {
            if index > 0 {
                output::line("");
            }
            let days = (one.not_after.as_second() - now.as_second()).div_euclid(24 * 60 * 60);
            for (label, value) in [
                ("subject", one.subject.clone()),
                ("issuer", one.issuer.clone()),
                ("for", one.names.join(", ")),
                ("from", one.not_before.to_string()),
                ("until", format!("{} ({})", one.not_after, expires(days))),
                ("SHA-1", one.sha1.to_string()),
                ("SHA-256", one.sha256.to_string()),
            ] {
                output::line(&format!("{label:<8} {value}"));
            }
        }
        Ok(Ended::Well)
    }
}

fn described_json(one: &Described) -> Value {
    json!({
        "subject": one.subject,
        "issuer": one.issuer,
        "names": one.names,
        "notBefore": one.not_before.to_string(),
        "notAfter": one.not_after.to_string(),
        "sha1": one.sha1.to_string(),
        "sha256": one.sha256.to_string(),
    })
}

fn warnings(one: &Certificate, now: Timestamp) -> Vec<crate::certificates::CertificateWarning> {
    one.warnings.iter().cloned().chain(one.warning(now)).collect()
}

fn expires(days: i64) -> String {
    match days {
        ..0 => "expired".to_owned(),
        0 => "today".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

fn as_json(store: &CertificateStore, scan: &Scan, assignments: &Assignments) -> Value {
    let certificates: Vec<Value> =
        scan.certificates.iter().map(|one| certificate_json(store, one, assignments)).collect();
    let problems: Vec<String> = scan.problems.iter().map(ToString::to_string).collect();
    json!({ "certificates": certificates, "requests": scan.requests, "problems": problems })
}

fn certificate_json(store: &CertificateStore, one: &Certificate, all: &Assignments) -> Value {
    let now = Timestamp::now();
    let warnings: Vec<String> = warnings(one, now).iter().map(ToString::to_string).collect();
    json!({
        "name": one.name,
        "file": one.path,
        "subject": one.subject,
        "issuer": one.issuer,
        "names": one.names,
        "not_before": one.not_before.to_string(),
        "not_after": one.not_after.to_string(),
        "days_left": one.days_left(now),
        "chain_length": one.chain().len(),
        "sha1": one.sha1.to_string(),
        "sha256": one.sha256.to_string(),
        "used": uses_of(store, all, &one.name),
        "warnings": warnings,
    })
}

/// Columns as wide as their widest cell; the last one is not padded.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
