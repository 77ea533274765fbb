module example.com/app

go 1.21

require (
	golang.org/x/text v0.3.5
	github.com/a/b v1.0.0+incompatible // indirect
)

require github.com/c/d v0.1.0

replace github.com/c/d => github.com/e/f v0.2.0
