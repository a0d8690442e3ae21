"""Details of a measurement by molecular dynamics, as written down by hand."""


def run_details(temperature_K, *, conductivity=1e-3, censoring="=", ended="completed", is_used=True):
    """One run: a curve of three points, and one estimate."""
    is_bound = censoring == "<"
    low, high = (0.0, conductivity) if is_bound else (conductivity / 2, conductivity * 2)
    return {
        "temperature_K": temperature_K,
        "ended": ended,
        "why": "It ran for 55 ps.",
        "is_used": is_used,
        "duration_ps": 50.0,
        "frame_interval_ps": 0.05,
        "n_ions": 24,
        "n_framework": 48,
        "msd": {"lag_ps": [0.0, 10.0, 25.0], "mean_A2": [0.0, 7.0, 16.0], "error_A2": [0.0, 1.0, 2.0]},
        "estimates": [
            {
                "method": "He-Zhu-Epstein-Mo 2018",
                "censoring": censoring,
                "diffusivity_cm2_per_s": 1e-5,
                "interval_cm2_per_s": [0.0 if is_bound else 8e-6, 1.2e-5],
                "log_sigma": 0.1,
                "by_axis_cm2_per_s": None,
                "window_ps": None if is_bound else [10.0, 25.0],
                "intercept_A2": None if is_bound else 1.0,
                "n_effective": 61.0,
            }
        ],
        "conductivity": {
            "censoring": censoring,
            "conductivity_S_per_cm": conductivity,
            "interval_S_per_cm": [low, high],
            "haven_ratio_assumed": 1.0,
            "charge_e": 1.0,
            "assumptions": "Nernst-Einstein with a Haven ratio of 1; charge +1 e.",
        },
        "haven_seen": {"ratio": 0.6, "interval": [0.3, 1.4]},
        "health": {
            "verdict": "not diffusive" if is_bound else "diffusive",
            "is_trustworthy": True,
            "reasons": [{"finding": "diffusive", "sentence": f"Seen at {temperature_K:g} K."}],
        },
        "notes": [],
    }


def exploded(temperature_K):
    """A run of which nothing is known but its end."""
    return {"temperature_K": temperature_K, "ended": "exploded", "why": "An energy is no number.", "is_used": False}


def conductor_details():
    """Two runs that diffuse, one that bounds, one that melted and one that exploded, with a line."""
    return {
        "supercell": {"n_atoms": 72, "cell_A_degrees": [10.0, 10.0, 10.0, 90.0, 90.0, 90.0]},
        "runs": [
            run_details(1000.0, conductivity=0.1),
            run_details(800.0, conductivity=0.02, ended="stopped_early"),
            run_details(600.0, conductivity=5e-3, censoring="<"),
            run_details(1200.0, conductivity=2.0, is_used=False),
            exploded(1400.0),
        ],
        "arrhenius": {
            "points": [[1000.0, 0.1, 0.02], [800.0, 0.02, 0.004]],
            "activation_energy_eV": 0.63,
            "activation_energy_interval_eV": [0.5, 0.8],
            "conductivity_S_per_cm": 1.2e-8,
            "value_at_K": 300.0,
            "value_interval_S_per_cm": [1e-9, 1e-7],
            "is_extrapolated": True,
            "n_diffusive": 2,
            "n_bounds": 1,
            "reduced_chi_square": None,
        },
        "potential": {"device": "cpu"},
    }
