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

// errNoRegion says where a region was looked for.
var errNoRegion = errors.New("no region: looked in option region, the function's ARN, AWS_REGION, AWS_DEFAULT_REGION, " +
	"the profile and the EC2 instance's metadata")

// Region returns the region of AWS_REGION or AWS_DEFAULT_REGION, else that of the profile that config names. It is empty
// where there is none, or where a file cannot be read: InstanceRegion may still know one, but takes the network.
func Region(config *Config) string {
	if region := firstEnv("AWS_REGION", "AWS_DEFAULT_REGION"); region != "" {
		return region
	}
	options := config.trimmed()
	files, err := readSharedFiles(options)
	if err != nil {
		return "" // the file may be there when the first request comes, and is asked for then
	}
	name, _ := profileName(options)
	return files.profiles[name][keyRegion]
}

// instanceRegion keeps what the instance said of its region, over instances of this plugin and
// reloads: it never changes. After a failure nobody asks for regionRetry.
var instanceRegion = struct {
	sync.Mutex
	region  string
	flight  *regionFlight // nil: nobody is asking
	lastErr error
	retryAt time.Time
}{}

const regionRetry = 5 * time.Second

// regionFlight is a question under way.
type regionFlight struct {
	done   context.Context // ends when the two below are set
	end    context.CancelFunc
	region string
	err    error
}

func newRegionFlight() *regionFlight {
	done, end := context.WithCancel(context.Background())
	return &regionFlight{done: done, end: end}
}

// InstanceRegion returns the region of the EC2 instance that Traefik runs on. It asks the metadata service once, and
// after a failure again no sooner than regionRetry. The error says where a region was looked for, or that ctx has ended.
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

// joinRegionFlight returns what is known, or else the question under way, which it starts.
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

// askRegion ends the question with its answer.
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

// fetchRegion asks the metadata service. It runs in a goroutine of its own, where a panic would
// end Traefik.
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
