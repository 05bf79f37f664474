"""The writer of event files."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import Any

from . import _plugins, _summaries

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """Writes event files into a folder that TensorBoard shows.

    Args:
        log_dir: the folder; ``runs/DATE_HOST`` followed by ``comment`` if left out.
        comment: what to append to the name of the folder.
        purge_step: after a crash, TensorBoard hides what is there from this step on.
        max_queue: events that wait before they are written.
        flush_secs: seconds after which they are written in any case.
        filename_suffix: what to append to the names of the files.

    Every ``add_*`` method takes a ``tag``, a name with slashes that group, the value, a
    ``global_step`` and the time as ``walltime`` in seconds. Tensors, NumPy arrays and numbers are
    all taken. Writing happens in a thread; :meth:`flush` waits for it, :meth:`close` ends it, as
    the end of a ``with`` block does.

    Raises:
        ImportError: the package tensorboard is not installed.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            name = time.strftime("%b%d_%H-%M-%S_") + socket.gethostname() + comment
            log_dir = os.path.join("runs", name)
        self.log_dir = os.fspath(log_dir)
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self._writers: dict[str, Any] = {}
        self._writer(self.log_dir)
        if purge_step is not None:
            from tensorboard.compat.proto.event_pb2 import Event, SessionLog

            start = SessionLog(status=SessionLog.START)
            for event in (Event(file_version="brain.Event:2"), Event(session_log=start)):
                self._add(event, purge_step, None)

    def _writer(self, folder: str) -> Any:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if folder not in self._writers:
            self._writers[folder] = EventFileWriter(
                folder, self.max_queue, self.flush_secs, self.filename_suffix
            )
        return self._writers[folder]

    def _add(
        self, event: Any, step: Any, walltime: float | None, folder: str | None = None
    ) -> None:
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)  # also of a tensor
        self._writer(folder or self.log_dir).add_event(event)

    def _add_summary(
        self, summary: Any, step: Any, walltime: float | None, folder: str | None = None
    ) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._add(Event(summary=summary), step, walltime, folder)

    # ---- what can be written ----

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Adds a number to a curve."""
        summary = _summaries.scalar(tag, scalar_value, new_style, double_precision)
        self._add_summary(summary, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a number to each of several curves in one diagram, each with a folder of its own."""
        walltime = time.time() if walltime is None else walltime
        for tag, value in tag_scalar_dict.items():
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}"
            self._add_summary(_summaries.scalar(main_tag, value), global_step, walltime, folder)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Adds the distribution of values; ``bins`` as for ``numpy.histogram``, or "tensorflow"."""
        summary = _summaries.histogram(tag, values, bins, max_bins)
        self._add_summary(summary, global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: int,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a distribution that was counted elsewhere: upper limits of buckets, and counts."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
        summary = _summaries.histogram_raw(
            tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts
        )
        self._add_summary(summary, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Adds a picture: floats from 0 to 1, or uint8; "CHW", "HWC" or "HW"."""
        self._add_summary(_summaries.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Adds a batch of pictures as a grid with eight columns."""
        self._add_summary(_summaries.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Adds a figure of Matplotlib, or a list of them, and closes it if wanted."""
        self._add_summary(_summaries.figure(tag, figure), global_step, walltime)
        pyplot = sys.modules.get("matplotlib.pyplot")
        if close and pyplot is not None:
            for one in figure if isinstance(figure, (list, tuple)) else [figure]:
                pyplot.close(one)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: int | None = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Adds a sound with values from -1 to 1."""
        self._add_summary(_summaries.audio(tag, snd_tensor, sample_rate), global_step, walltime)

    def add_text(
        self,
        tag: str,
        text_string: str,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a text, shown as Markdown."""
        self._add_summary(_summaries.text(tag, text_string), global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Adds hyperparameters and the results that they led to, in a folder of their own."""
        for name, given in (("hparam_dict", hparam_dict), ("metric_dict", metric_dict)):
            if not isinstance(given, dict):
                raise TypeError(f"{name} should be a dictionary, got {type(given).__name__}")
        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        for summary in _summaries.hparams(hparam_dict, metric_dict, hparam_domain_discrete or {}):
            self._add_summary(summary, None, None, folder)
        for tag, value in metric_dict.items():
            self._add_summary(_summaries.scalar(tag, value), global_step, None, folder)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Any = None,
    ) -> None:
        """Adds a picture with boxes [n, 4]: x and y of two corners; labels need Pillow."""
        boxes = [labels] if isinstance(labels, str) else labels
        summary = _plugins.boxed_image(tag, img_tensor, box_tensor, rescale, dataformats, boxes)
        self._add_summary(summary, global_step, walltime)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: int | None = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """Adds videos (N, T, C, H, W), side by side, as an animated picture."""
        self._add_summary(_plugins.video(tag, vid_tensor, 1 / fps), global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Adds precision against recall, of labels 0 or 1 and predictions from 0 to 1."""
        summary = _plugins.pr_curve(tag, labels, predictions, num_thresholds, weights)
        self._add_summary(summary, global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Adds precision against recall from counts that were made elsewhere."""
        summary = _plugins.pr_curve_raw(
            tag,
            true_positive_counts,
            false_positive_counts,
            true_negative_counts,
            false_negative_counts,
            precision,
            recall,
            num_thresholds,
        )
        self._add_summary(summary, global_step, walltime)

    def add_custom_scalars(self, layout: dict[str, dict[str, Any]]) -> None:
        """Says once which curves share a chart: categories of ``name: ["Multiline", tags]``.

        Or ``["Margin", [value, lower, upper]]``, with three tags.
        """
        self._add_summary(_plugins.custom_scalars(layout), None, None)

    def add_custom_scalars_multilinechart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart of several curves; :meth:`add_custom_scalars` makes more."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart of a curve between two bounds: the tags of the three."""
        if len(tags) != 3:
            raise AssertionError(f"Expected 3 tags, got {len(tags)}.")
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: dict[str, Any] | None = None,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds points [B, n, 3], with colours [B, n, 3] and triangles [B, m, 3] if given."""
        summary = _plugins.mesh(tag, vertices, colors, faces, config_dict)
        self._add_summary(summary, global_step, walltime)

    def add_embedding(
        self,
        mat: Any,
        metadata: Any = None,
        label_img: Any = None,
        global_step: int | None = None,
        tag: str = "default",
        metadata_header: Any = None,
    ) -> None:
        """Adds points [n, d] for the projector, with labels and pictures [n, c, h, w]."""
        step = 0 if global_step is None else int(global_step)
        _plugins.write_embedding(self.log_dir, tag, step, mat, metadata, label_img, metadata_header)

    def add_graph(
        self,
        model: Any,
        input_to_model: Any = None,
        verbose: bool = False,
        use_strict_trace: bool = True,
    ) -> None:
        """Raises: a model is a program here, and has no graph before it runs."""
        raise NotImplementedError(
            "add_graph(): wengert does not trace models into TensorBoard's format; "
            "wengert.autograd.graph(model(input)) draws what was recorded"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("add_"):
            raise AttributeError(
                f"SummaryWriter.{name}: wengert writes scalars, histograms, images, figures, "
                "videos, audio, text, hyperparameters, embeddings, meshes, curves of precision "
                "and layouts of charts"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ---- files ----

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def flush(self) -> None:
        """Waits until all events are in the files."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Writes everything and closes the files; a later ``add_*`` opens new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
