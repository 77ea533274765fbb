# Licences that the company does not ship.
package lockgate.licenses

# Licences whose terms reach what we run or sell. Change the list with your lawyers.
denied := {
	"AGPL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later",
	"SSPL-1.0", "BUSL-1.1", "Elastic-2.0", "CC-BY-NC-4.0",
}

# METADATA
# title: Licence not allowed
# description: Shipping this package would bind us to terms that the company has not agreed to.
# custom:
#   code: policy.license-denied
#   severity: high
#   owner: the legal team
#   remediation: replace the package by one under an allowed licence, or ask the legal team to take the licence off the list
deny contains {"msg": msg, "subject": subject} if {
	some image in input.images
	some found in image.packages
	some declared in found.licenses
	some license in regex.split(`[^A-Za-z0-9.+-]+`, declared)
	license in denied
	subject := sprintf("%s %s", [found.name, found.version])
	msg := sprintf("%s is under %s", [subject, license])
}
