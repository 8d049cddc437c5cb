package credentials

import (
	"context"
	"errors"
	"fmt"
)

// assumedRoleCredentials assumes option roleArn with the credentials that the other options, or the usual places,
// provide. Those credentials have their own cache, which several roles share.
func assumedRoleCredentials(ctx context.Context, s *credentialSettings) (*keySet, error) {
	base, err := retrieve(ctx, s.base)
	if err != nil {
		return nil, fmt.Errorf("the credentials to assume it with: %w", err)
	}
	c, err := assumeRole(ctx, s, base, &role{
		arn:         s.options.RoleArn,
		sessionName: s.options.RoleSessionName,
		externalID:  s.options.ExternalID,
		duration:    s.options.Duration,
	})
	if errors.Is(err, errSignerRefused) {
		refused(s.base, &base.keys)
	}
	return c, err
}
