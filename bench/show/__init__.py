"""Pictures of what equivariance is: fields that turn with their input, solved kernels, and augmentation."""
