# The base image is named by a version that does not move.
package lockgate.base_label

label := "org.opencontainers.image.base.name"

# METADATA
# title: Base image moves
# description: A base image without a fixed version changes under our feet, and no build of it can be made again.
# custom:
#   code: policy.base-moves
#   severity: medium
#   owner: the service's developers
#   remediation: name the base image by a version or digest in the Dockerfile's FROM and in its label
deny contains {"msg": msg, "subject": image.platform} if {
	some image in input.images
	base := image.config.labels[label]
	moves(base)
	msg := sprintf("the base image is %q", [base])
}

# METADATA
# title: Base image not named
# description: Without the label nobody can tell which images to rebuild when the base has a vulnerability.
# custom:
#   code: policy.base-not-named
#   severity: low
#   owner: the service's developers
#   remediation: add the label org.opencontainers.image.base.name to the image
warn contains {"msg": msg, "subject": image.platform} if {
	some image in input.images
	not image.config.labels[label]
	msg := sprintf("the label %s is missing", [label])
}

moves(base) if endswith(base, ":latest")

moves(base) if {
	not contains(base, "@")
	parts := split(base, "/")
	not contains(parts[count(parts) - 1], ":")
}
