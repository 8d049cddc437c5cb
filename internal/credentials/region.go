package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/wait"
)

// errNoRegion lists where a region was looked for.
var errNoRegion = errors.New("no region: looked in option region, the function's ARN, AWS_REGION, AWS_DEFAULT_REGION, " +
	"the profile and the EC2 instance's metadata")

// Region returns the region of AWS_REGION or AWS_DEFAULT_REGION, else the one of the profile that config names. It
// returns "" if there is none, or if a file cannot be read. InstanceRegion may still know one, but it uses the
// network.
func Region(config *Config) string {
	if region := firstEnv("AWS_REGION", "AWS_DEFAULT_REGION"); region != "" {
		return region
	}
	options := config.trimmed()
	files, err := readSharedFiles(options)
	if err != nil {
		return "" // the first request looks again: the file may be there by then
	}
	name, _ := profileName(options)
	return files.profiles[name][keyRegion]
}

// instanceRegion holds the region of the instance, which never changes. It outlives instances of this plugin and
// reloads. After a failure the metadata service is not asked for regionRetry.
var instanceRegion = struct {
	sync.Mutex
	region  string
	flight  *regionFlight // nil: no question is under way
	lastErr error
	retryAt time.Time
}{}

const regionRetry = 5 * time.Second

// regionFlight is a question to the metadata service that is under way.
type regionFlight struct {
	done   context.Context // done once region and err are set
	end    context.CancelFunc
	region string
	err    error
}

func newRegionFlight() *regionFlight {
	done, end := context.WithCancel(context.Background())
	return &regionFlight{done: done, end: end}
}

// InstanceRegion returns the region of the EC2 instance that Traefik runs on. It asks the metadata service once, and
// after a failure not before regionRetry has passed. The error lists where a region was looked for, or is that of
// ctx.
func InstanceRegion(ctx context.Context) (string, error) {
	region, flight, err := joinRegionFlight()
	if flight == nil {
		return region, err
	}
	if !wait.For(ctx, flight.done) {
		return "", ctx.Err()
	}
	return flight.region, flight.err
}

// joinRegionFlight returns the region if it is known, else the question under way, which it starts if need be. It
// returns neither shortly after a failure, but the error of that.
func joinRegionFlight() (string, *regionFlight, error) {
	instanceRegion.Lock()
	defer instanceRegion.Unlock()
	if instanceRegion.region != "" {
		return instanceRegion.region, nil, nil
	}
	if instanceRegion.flight == nil {
		if time.Until(instanceRegion.retryAt) > 0 {
			return "", nil, instanceRegion.lastErr
		}
		instanceRegion.flight = newRegionFlight()
		go askRegion(instanceRegion.flight)
	}
	return "", instanceRegion.flight, nil
}

// askRegion asks for the region and ends the flight.
func askRegion(flight *regionFlight) {
	region, err := fetchRegion()
	instanceRegion.Lock()
	defer instanceRegion.Unlock()
	if err != nil {
		err = fmt.Errorf("%w: %w", errNoRegion, err)
		instanceRegion.lastErr = err
		instanceRegion.retryAt = time.Now().Add(regionRetry)
	}
	instanceRegion.region = region
	instanceRegion.flight = nil
	flight.region = region
	flight.err = err
	flight.end()
}

// fetchRegion asks the metadata service. It runs in its own goroutine, where a panic would end Traefik.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
func fetchRegion() (region string, err error) {
	defer func() {
		if p := recover(); p != nil {
			region = ""
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), sourceTimeout)
	defer cancel()
	session, err := openIMDS(ctx, linkLocalTransport)
	if err != nil {
		return "", err
	}
	body, err := session.get(ctx, "/latest/meta-data/placement/region")
	if err != nil {
		return "", err
	}
	region = strings.TrimSpace(string(body))
	if !aws.IsRegion(region) {
		return "", errors.New("the answer is not a region")
	}
	return region, nil
}
