//! The formats that this process knows: those of this crate, and those that a user added.

use std::sync::{Arc, OnceLock};

use super::DataFormat;
use crate::{Error, Result};

/// The files of this crate, the more specific ones first: where a line is of two formats, the first
/// one reads it.
const FILES: &[&str] = &[
    include_str!("../../../formats/w3c.toml"),
    include_str!("../../../formats/zeek.toml"),
    include_str!("../../../formats/aws-vpc-flow-fields.toml"),
    include_str!("../../../formats/airflow.toml"),
    include_str!("../../../formats/apache-error.toml"),
    include_str!("../../../formats/asterisk.toml"),
    include_str!("../../../formats/auditd.toml"),
    include_str!("../../../formats/aws-alb.toml"),
    include_str!("../../../formats/aws-elb.toml"),
    include_str!("../../../formats/aws-lambda.toml"),
    include_str!("../../../formats/aws-nlb.toml"),
    include_str!("../../../formats/aws-s3.toml"),
    include_str!("../../../formats/aws-vpc-flow.toml"),
    include_str!("../../../formats/bgl.toml"),
    include_str!("../../../formats/bind.toml"),
    include_str!("../../../formats/bitbucket-access.toml"),
    include_str!("../../../formats/capnslog.toml"),
    include_str!("../../../formats/cef.toml"),
    include_str!("../../../formats/celery.toml"),
    include_str!("../../../formats/cisco.toml"),
    include_str!("../../../formats/cmtrace.toml"),
    include_str!("../../../formats/django.toml"),
    include_str!("../../../formats/dmesg.toml"),
    include_str!("../../../formats/dotnet-console.toml"),
    include_str!("../../../formats/dpkg.toml"),
    include_str!("../../../formats/env_logger.toml"),
    include_str!("../../../formats/envoy.toml"),
    include_str!("../../../formats/esphome.toml"),
    include_str!("../../../formats/gin.toml"),
    include_str!("../../../formats/gunicorn.toml"),
    include_str!("../../../formats/haproxy.toml"),
    include_str!("../../../formats/hclog.toml"),
    include_str!("../../../formats/hdfs.toml"),
    include_str!("../../../formats/healthapp.toml"),
    include_str!("../../../formats/hpc.toml"),
    include_str!("../../../formats/java-util-logging.toml"),
    include_str!("../../../formats/jboss.toml"),
    include_str!("../../../formats/kafka.toml"),
    include_str!("../../../formats/klog.toml"),
    include_str!("../../../formats/leef.toml"),
    include_str!("../../../formats/logcat.toml"),
    include_str!("../../../formats/logrus.toml"),
    include_str!("../../../formats/macos.toml"),
    include_str!("../../../formats/mikrotik.toml"),
    include_str!("../../../formats/minecraft.toml"),
    include_str!("../../../formats/mongodb.toml"),
    include_str!("../../../formats/monolog.toml"),
    include_str!("../../../formats/mysql.toml"),
    include_str!("../../../formats/mysql-slow.toml"),
    include_str!("../../../formats/nagios.toml"),
    include_str!("../../../formats/nginx-error.toml"),
    include_str!("../../../formats/openstack.toml"),
    include_str!("../../../formats/pacman.toml"),
    include_str!("../../../formats/php.toml"),
    include_str!("../../../formats/postgres.toml"),
    include_str!("../../../formats/proxifier.toml"),
    include_str!("../../../formats/rabbitmq.toml"),
    include_str!("../../../formats/rails.toml"),
    include_str!("../../../formats/redis.toml"),
    include_str!("../../../formats/ruby.toml"),
    include_str!("../../../formats/samba.toml"),
    include_str!("../../../formats/sharepoint.toml"),
    include_str!("../../../formats/shell-history.toml"),
    include_str!("../../../formats/spark.toml"),
    include_str!("../../../formats/squid.toml"),
    include_str!("../../../formats/suricata-fast.toml"),
    include_str!("../../../formats/thunderbird.toml"),
    include_str!("../../../formats/tomcat.toml"),
    include_str!("../../../formats/traefik.toml"),
    include_str!("../../../formats/uvicorn.toml"),
    include_str!("../../../formats/uwsgi.toml"),
    include_str!("../../../formats/vmware.toml"),
    include_str!("../../../formats/vsftpd.toml"),
    include_str!("../../../formats/websphere.toml"),
    include_str!("../../../formats/windows-cbs.toml"),
    include_str!("../../../formats/windows-event.toml"),
    include_str!("../../../formats/windows-event-table.toml"),
    include_str!("../../../formats/windows-event-xml.toml"),
    include_str!("../../../formats/xferlog.toml"),
    include_str!("../../../formats/xorg.toml"),
    include_str!("../../../formats/zookeeper.toml"),
    include_str!("../../../formats/spdlog.toml"),
    include_str!("../../../formats/cassandra.toml"),
    include_str!("../../../formats/elasticsearch.toml"),
    include_str!("../../../formats/serilog.toml"),
    include_str!("../../../formats/nlog.toml"),
    include_str!("../../../formats/tracing.toml"),
    include_str!("../../../formats/zap.toml"),
    include_str!("../../../formats/cloud-init.toml"),
    include_str!("../../../formats/fail2ban.toml"),
    include_str!("../../../formats/spring-boot.toml"),
    include_str!("../../../formats/log4j.toml"),
    include_str!("../../../formats/python.toml"),
    include_str!("../../../formats/ltsv.toml"),
];

/// The most formats that a user can add.
const USERS_MAX: usize = 1000;

static OWN: OnceLock<Vec<Arc<DataFormat>>> = OnceLock::new();
static USERS: OnceLock<Vec<Arc<DataFormat>>> = OnceLock::new();

/// The formats of this crate. A file that is wrong is left out; the tests check that none is.
fn own() -> &'static [Arc<DataFormat>] {
    let read = |text: &&str| DataFormat::from_toml(text).ok().map(Arc::new);
    OWN.get_or_init(|| FILES.iter().filter_map(read).collect())
}

/// Adds a user's formats to those that are detected, before those of this crate, so that a user's
/// format of the same name wins. Once in a process.
///
/// # Errors
/// When there are too many, a pattern is not a regular expression, or formats were added before.
pub fn install(formats: Vec<Arc<DataFormat>>) -> Result<()> {
    if formats.len() > USERS_MAX {
        let words =
            format!("{} formats are too many; at most {USERS_MAX} can be added", formats.len());
        return Err(Error::request(words));
    }
    formats.iter().try_for_each(|format| format.compile())?;
    USERS.set(formats).map_err(|_| Error::request("formats were added before"))
}

/// All formats that are data, in the order in which they are tried.
pub fn all() -> impl Iterator<Item = &'static Arc<DataFormat>> {
    USERS.get().into_iter().flatten().chain(own())
}

/// The format of this name.
pub(in crate::format) fn find(name: &str) -> Option<&'static Arc<DataFormat>> {
    all().find(|format| format.name() == name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_a_format_and_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a text");
            let format = DataFormat::from_toml(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            assert_eq!(path.file_stem().and_then(|s| s.to_str()), Some(format.name()));
            assert!(find(format.name()).is_some(), "{path:?} is not in the list");
            assert!(!format.title().is_empty() && !format.link().is_empty(), "{path:?}");
            names.push(format.name());
        }
        assert_eq!(own().len(), names.len(), "{names:?}");
        assert_eq!(FILES.len(), names.len());
    }

    #[test]
    fn every_sample_of_every_format_has_the_values_that_it_states() {
        let mut problems = Vec::new();
        for format in own() {
            assert!(format.samples().len() >= 3, "{} has too few samples", format.name());
            let found = format.test().unwrap_or_else(|e| panic!("{}: {e}", format.name()));
            problems.extend(found.iter().map(|problem| format!("{}: {problem}", format.name())));
        }
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }

    #[test]
    fn every_sample_is_read_by_its_own_format_first() {
        let mut wrong = Vec::new();
        for format in own() {
            for sample in format.samples() {
                let mut text = sample.line.clone();
                text.push('\n');
                let found = super::super::detect(text.as_bytes()).map(|(found, _)| found.name());
                if found != Some(format.name()) {
                    wrong.push(format!("{} as {found:?}: {}", format.name(), sample.line));
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}
