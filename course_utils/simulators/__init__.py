"""Simulators of four worlds, x ~ p_data(x): collider, cosmology, molecular, sprites."""
