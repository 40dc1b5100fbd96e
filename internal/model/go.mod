module example.com/credits/internal/model

go 1.25.0

require (
	example.com/credits v0.0.0
	github.com/benbjohnson/clock v1.3.5
	github.com/google/go-cmp v0.7.0
	pgregory.net/rapid v1.3.0
)

require github.com/shopspring/decimal v1.6.0 // indirect

replace example.com/credits => ../..
