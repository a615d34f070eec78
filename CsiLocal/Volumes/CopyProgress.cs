using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Progress of one copy, kept in its task row so that a restart goes on from there.</summary>
internal sealed class CopyProgress(StateStore store, TaskRecord task) : ICopyProgress
{
    private TaskRecord current = task;

    public long ResumeFrom { get; } = task.DoneBytes;

    public void Report(long doneBytes, long totalBytes) => Save(current with { DoneBytes = doneBytes, TotalBytes = totalBytes });

    public void RecordFreeze(string? path) => Save(current with { FrozenPath = path });

    private void Save(TaskRecord changed)
    {
        current = changed;
        store.PutTask(changed);
    }
}
