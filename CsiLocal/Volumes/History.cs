using CsiLocal.Diagnostics;
using CsiLocal.State;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Volumes;

/// <summary>What happened to a volume or snapshot and why: one line in the log and one in the journal.</summary>
internal sealed class History(StateStore store, ILogger<History> log)
{
    public void Changed(string target, string what, string why)
    {
        store.RecordEvent(target, what, why);
        Log.Changed(log, target, what, why);
    }

    /// <summary>Of a deleted volume: told of the volume that it was, and found under its id in the trash, too.</summary>
    public void Changed(TrashRecord item, string what, string why)
    {
        store.RecordEvent(item.Id.Value, what, why);
        Changed(item.Volume.Id.Value, what, why);
    }

    /// <summary>Something that a person may have to look at.</summary>
    public void NeedsAttention(string target, string what, string why)
    {
        store.RecordEvent(target, what, why);
        Log.NeedsAttention(log, target, what, why);
    }
}
