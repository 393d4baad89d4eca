"""Tests of training.segmentation."""
