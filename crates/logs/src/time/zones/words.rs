//! Words after times: abbreviations of zones, and other words.

/// The offset of an abbreviation in seconds. Sources: RFC 2822 for North America; the tz database
/// for the others, with the choices that the module states.
pub(super) fn abbreviation(name: &str) -> Option<i32> {
    let minutes = match name {
        "WET" | "WEZ" | "UCT" => 0,
        "CET" | "MET" | "MEZ" | "BST" | "WEST" | "WAT" => 60,
        "CEST" | "MEST" | "MESZ" | "EET" | "SAST" | "CAT" => 120,
        "EEST" | "MSK" | "EAT" | "TRT" | "IDT" => 180,
        "IRST" => 210,
        "MSD" | "GST" | "SAMT" => 240,
        "PKT" | "YEKT" | "UZT" => 300,
        "IST" => 330,
        "NPT" => 345,
        "OMST" => 360,
        "ICT" | "WIB" | "KRAT" | "NOVT" => 420,
        "SGT" | "HKT" | "AWST" | "PHT" | "WITA" | "MYT" | "IRKT" => 480,
        "JST" | "KST" | "WIT" | "YAKT" => 540,
        "ACST" => 570,
        "AEST" | "VLAT" | "CHST" => 600,
        "ACDT" => 630,
        "AEDT" | "MAGT" => 660,
        "NZST" | "FJT" => 720,
        "NZDT" => 780,
        "NDT" => -150,
        "NST" => -210,
        "BRT" | "ART" | "ADT" | "UYT" | "CLST" => -180,
        "BRST" => -120,
        "AST" | "EDT" | "CLT" | "VET" | "BOT" => -240,
        "EST" | "CDT" | "COT" | "PET" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" | "AKDT" => -480,
        "AKST" | "HDT" => -540,
        "HST" => -600,
        "SST" => -660,
        _ => return None,
    };
    Some(minutes * 60)
}

/// Words of three to five capitals after a time that are not zones: levels, methods of HTTP,
/// protocols, and events. In the order of `binary_search`.
pub(super) const WORDS: [&str; 112] = [
    "ACK", "ADD", "ALERT", "ALLOW", "ALTER", "API", "APP", "ARP", "AUTH", "BEGIN", "BIND", "BLOCK",
    "BOOT", "CALL", "CLOSE", "CMD", "COPY", "CRIT", "CRON", "DATA", "DBG", "DEBUG", "DEL", "DENY",
    "DHCP", "DNS", "DONE", "DOWN", "DROP", "DUMP", "EMERG", "END", "ENTER", "EOF", "ERR", "ERROR",
    "EVENT", "EXEC", "EXIT", "FAIL", "FATAL", "FINE", "FINER", "FLUSH", "FTL", "FTP", "FULL",
    "GET", "GRPC", "HEAD", "HIGH", "HINT", "HIT", "HTTP", "HTTPS", "ICMP", "IDLE", "INF", "INFO",
    "INIT", "JOB", "JOIN", "KERN", "KILL", "LOAD", "LOCK", "LOG", "LOW", "MAIN", "MISS", "MOVE",
    "NEW", "NONE", "NOTE", "NULL", "OPEN", "PANIC", "PASS", "PATCH", "PING", "POST", "PUT",
    "QUERY", "QUIT", "READ", "READY", "RECV", "RESET", "RPC", "RUN", "SAVE", "SEND", "SET", "SQL",
    "SSH", "SSL", "START", "STATE", "STOP", "SYN", "SYNC", "TASK", "TCP", "TIME", "TLS", "TRACE",
    "TRC", "UDP", "USER", "WARN", "WRITE", "WRN",
];
