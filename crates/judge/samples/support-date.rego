# Nothing older than its support date.
package lockgate.support_date

# End of security support, as the distributions announce it. Long-term support by others is not counted.
ends := {
	"alpine": {
		"3.17": "2024-11-22", "3.18": "2025-05-09", "3.19": "2025-11-01",
		"3.20": "2026-04-01", "3.21": "2026-11-01", "3.22": "2027-05-01", "3.23": "2027-11-01",
	},
	"debian": {"10": "2024-06-30", "11": "2026-08-31", "12": "2028-06-30", "13": "2030-06-30"},
}

release(distribution) := version if {
	distribution.id == "alpine"
	parts := split(distribution.version, ".")
	version := sprintf("%s.%s", [parts[0], parts[1]])
}

release(distribution) := version if {
	distribution.id != "alpine"
	version := split(distribution.version, ".")[0]
}

# METADATA
# title: Distribution out of support
# description: Vulnerabilities that are found from now on are no longer fixed there, and no feed will say so.
# custom:
#   code: policy.out-of-support
#   severity: high
#   owner: the platform team
#   remediation: rebuild on a release of the distribution that is supported
deny contains {"msg": msg, "subject": image.platform} if {
	some image in input.images
	version := release(image.distribution)
	date := ends[image.distribution.id][version]
	substring(input.as_of, 0, 10) > date
	msg := sprintf("%s %s was supported until %s", [image.distribution.id, version, date])
}
