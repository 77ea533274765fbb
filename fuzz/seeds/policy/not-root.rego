# Containers do not run as root.
package lockgate.not_root

# METADATA
# title: Runs as root
# description: A process that breaks out of a container that runs as root is root on the node.
# custom:
#   code: policy.runs-as-root
#   severity: high
#   owner: the platform team
#   remediation: set a numeric account that is not 0 in the Dockerfile, such as USER 65532
deny contains {"msg": msg, "subject": image.platform} if {
	some image in input.images
	image.config.runs_as_root
	msg := sprintf("the image's user is %q", [image.config.user])
}
