using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>
/// One asynchronous call of librbd. It holds the image and the memory until librbd calls back, at any later time.
/// </summary>
internal sealed unsafe class Completion
{
    private readonly TaskCompletionSource<long> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SafeHandle? _image;
    private MemoryHandle _memory;
    private GCHandle _self;

    private Completion(SafeHandle? image, MemoryHandle memory)
    {
        _memory = memory;
        try
        {
            bool isHeld = false;
            image?.DangerousAddRef(ref isHeld);
            _image = image;
            _self = GCHandle.Alloc(this);
            if (LibRbd.CreateCompletion(GCHandle.ToIntPtr(_self), &Completed, out nint handle) < 0)
            {
                throw new InsufficientMemoryException("rbd_aio_create_completion failed");
            }

            Handle = handle;
        }
        catch
        {
            LetGo();
            throw;
        }
    }

    /// <summary>The handle for the call.</summary>
    private nint Handle { get; }

    /// <summary>Makes a call without an image.</summary>
    /// <param name="call">Submits the call; gets its completion.</param>
    /// <returns>The call's result; an error is negative.</returns>
    public static Task<long> Run(Func<nint, int> call)
    {
        var completion = new Completion(null, default);
        return completion.Submitted(call(completion.Handle));
    }

    /// <inheritdoc cref="LibRbd.Read" />
    public static Task<long> Read(SafeHandle image, Memory<byte> destination, long offset)
    {
        var completion = new Completion(image, destination.Pin());
        return completion.Submitted(LibRbd.Read(
            image.DangerousGetHandle(), (ulong)offset, (nuint)destination.Length, completion.Bytes, completion.Handle));
    }

    /// <inheritdoc cref="LibRbd.Write" />
    public static Task<long> Write(SafeHandle image, ReadOnlyMemory<byte> source, long offset)
    {
        var completion = new Completion(image, source.Pin());
        return completion.Submitted(LibRbd.Write(
            image.DangerousGetHandle(), (ulong)offset, (nuint)source.Length, completion.Bytes, completion.Handle));
    }

    /// <inheritdoc cref="LibRbd.WriteZeroes" />
    public static Task<long> WriteZeroes(SafeHandle image, long offset, long length, int flags)
    {
        var completion = new Completion(image, default);
        return completion.Submitted(LibRbd.WriteZeroes(
            image.DangerousGetHandle(), (ulong)offset, (nuint)length, completion.Handle, flags, operationFlags: 0));
    }

    /// <inheritdoc cref="LibRbd.Flush" />
    public static Task<long> Flush(SafeHandle image)
    {
        var completion = new Completion(image, default);
        return completion.Submitted(LibRbd.Flush(image.DangerousGetHandle(), completion.Handle));
    }

    private byte* Bytes => (byte*)_memory.Pointer;

    // On a thread of librbd, which must neither block nor see an exception.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Completed(nint handle, nint argument)
    {
        long result = LibRbd.GetResult(handle);
        LibRbd.Release(handle);
        var completion = (Completion)GCHandle.FromIntPtr(argument).Target!;
        completion.LetGo();
        completion._result.TrySetResult(result);
    }

    private Task<long> Submitted(int result)
    {
        if (result < 0)
        {
            // The call was refused, so there will be no callback.
            LibRbd.Release(Handle);
            LetGo();
            _result.TrySetResult(result);
        }

        return _result.Task;
    }

    private void LetGo()
    {
        _memory.Dispose();
        _image?.DangerousRelease();
        if (_self.IsAllocated)
        {
            _self.Free();
        }
    }
}
