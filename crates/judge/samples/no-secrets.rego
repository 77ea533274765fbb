# Images hold no secrets, in any layer.
package lockgate.no_secrets

# METADATA
# title: Secret in the image
# description: Whoever can pull an image can read every layer and the config of it, also what a later layer removes.
# custom:
#   code: policy.secret
#   severity: critical
#   owner: the service's developers
#   remediation: rotate the secret, give it to the build with RUN --mount=type=secret, and rebuild; removing the file in a later layer does not help
deny contains {"msg": msg, "subject": secret.path} if {
	some image in input.images
	some secret in image.secrets
	msg := sprintf("%s in %s, line %v%s", [secret.rule, secret.path, secret.line, hidden(secret)])
}

hidden(secret) := " (removed by a later layer)" if secret.removed

hidden(secret) := "" if not secret.removed
